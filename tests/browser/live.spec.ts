// What others do shows up in a list that is open, without anybody loading it again.

import { expect, row, test, unblockOf } from "./service";

test("rows change, and new ones come, when somebody else restricts and unblocks", async ({ page, service }) => {
  await service.signUp(page);
  await expect(page.getByText("Nobody is restricted.")).toBeVisible();
  await service.restrict("alice@example.org", "reported by phone");
  await expect(row(page, "alice@example.org")).toContainText("Restricted");
  await service.restrict("bob@example.org", "reported by phone");
  await expect(row(page, "bob@example.org")).toBeVisible();
  await expect(page.getByRole("row").nth(1)).toContainText("bob@example.org");
  await expect(page.getByText("2 restricted", { exact: true }).first()).toBeVisible();
  await expect(page.getByText("2 in all", { exact: true })).toBeVisible();

  await service.unblock("alice@example.org");
  await expect(row(page, "alice@example.org")).toContainText("Takes effect");
  await expect(row(page, "alice@example.org")).toContainText("Released");
});

test("a filtered list takes no rows that it does not ask for", async ({ page, service }) => {
  await service.signUp(page);
  await service.restrict("alice@example.org", "reported by phone");
  await expect(row(page, "alice@example.org")).toBeVisible();
  await page.getByRole("searchbox", { name: "Search" }).fill("ali");
  await expect(page.getByRole("columnheader", { name: "Since" }).getByRole("button")).toHaveCount(0);
  await service.restrict("bob@example.org", "reported by phone");
  await service.unblock("alice@example.org");
  await expect(row(page, "alice@example.org")).toContainText("Takes effect");
  await expect(row(page, "bob@example.org")).toHaveCount(0);
});

test("what changes beneath a fly-out is there when it is closed", async ({ page, service }) => {
  await service.import(["alice@example.org", "bob@example.org"].map((address) => ({ SenderAddress: address, Reason: "reported by phone" })));
  await service.signUp(page);
  await unblockOf(page, "alice@example.org").click();
  await expect(page.getByRole("dialog")).toBeVisible();
  const badge = page.waitForResponse((answer) => answer.url().endsWith("/ui/alerts/badge"));
  await service.restrict("carol@example.org", "reported by phone");
  await badge; // the page knows of it
  await expect(row(page, "carol@example.org")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(row(page, "carol@example.org")).toBeVisible();
});
