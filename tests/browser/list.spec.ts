import type { Page } from "@playwright/test";
import { expect, row, test } from "./service";

const USERS = 120;
const NEWEST = "user-001@example.org";

test.beforeEach(async ({ page, service }) => {
  await service.import(
    Array.from({ length: USERS }, (_, index) => ({
      SenderAddress: `user-${String(index + 1).padStart(3, "0")}@example.org`,
      Reason: "reported by phone",
      CreatedDatetime: new Date(Date.now() - (index + 1) * 60_000).toISOString(),
    })),
  );
  await service.signUp(page);
  await expect(row(page, NEWEST)).toBeVisible();
});

test("Load more goes on where the list ended, and keeps its place", async ({ page }) => {
  const more = page.getByRole("button", { name: "Load more" });
  await expect(rows(page)).toHaveCount(50);
  await expect(page.getByText("50 of 120 shown")).toBeVisible();

  await more.scrollIntoViewIfNeeded();
  const place = await row(page, "user-050").boundingBox();
  await more.click();
  await expect(rows(page)).toHaveCount(100);
  await expect(page.getByText("100 of 120 shown")).toBeVisible();
  expect(await row(page, "user-050").boundingBox()).toEqual(place);
  await expect(row(page, "user-051").getByRole("link", { name: "user-051@example.org", exact: true })).toBeFocused();

  await more.click();
  await expect(rows(page)).toHaveCount(USERS);
  await expect(page.getByText("120 in all", { exact: true })).toBeVisible();
  await expect(more).toHaveCount(0);
  const addresses = await rows(page).getByRole("rowheader").allInnerTexts();
  expect(new Set(addresses).size).toBe(USERS);
});

test("a search sorts by address, and the order by time comes back after it", async ({ page }) => {
  const user = page.getByRole("columnheader", { name: "User" });
  const since = page.getByRole("columnheader", { name: "Since" });
  const search = page.getByRole("searchbox", { name: "Search" });
  await since.getByRole("button").click();
  await expect(since).toHaveAttribute("aria-sort", "ascending");
  await expect(rows(page).first()).toContainText("user-120");

  await search.fill("@example.org");
  await expect(user).toHaveAttribute("aria-sort", "ascending");
  await expect(rows(page).first()).toContainText("user-001");
  await expect(since.getByRole("button")).toHaveCount(0);
  await page.getByRole("button", { name: "Load more" }).click();
  await expect(rows(page).last()).toContainText("user-100");

  await user.getByRole("button").click();
  await expect(user).toHaveAttribute("aria-sort", "descending");
  await user.getByRole("button").click();
  await expect(user).toHaveAttribute("aria-sort", "ascending");
  await search.fill("");
  await expect(since.getByRole("button")).toBeVisible();
  await expect(user).toHaveAttribute("aria-sort", "ascending"); // chosen last

  await since.getByRole("button").click();
  await since.getByRole("button").click();
  await expect(since).toHaveAttribute("aria-sort", "ascending");
  await search.fill("user-00");
  await expect(rows(page)).toHaveCount(9);
  await search.fill("");
  await expect(since).toHaveAttribute("aria-sort", "ascending");
  await expect(rows(page).first()).toContainText("user-120");
});

function rows(page: Page) {
  return page.getByRole("row").filter({ has: page.getByRole("rowheader") });
}
