import { ALICE, answer, BAD_OUTBOUND_SENDER, BLOCKED_SENDERS, BOB, DUNNO, expect, expectList, OPERATOR, row, test, unblockOf } from "./service";

const OUTSIDE = "customer@remote.example";
const INSIDE = "colleague@example.org";

test("an imported user is unblocked in three steps, and after the delay the mail server lets the mail out", async ({ page, service }, testInfo) => {
  const photograph = (name: string) => page.screenshot({ path: testInfo.outputPath(`${name}.png`) });

  await test.step("two users come over from Exchange, and Postfix refuses their mail", async () => {
    expect(await service.cli("import", BLOCKED_SENDERS)).toBe("2 imported, 0 skipped, 0 bad");
    expect(await service.cli("import", BLOCKED_SENDERS)).toBe("0 imported, 2 skipped, 0 bad");

    for (const sender of [ALICE, BOB]) {
      await expect.poll(() => service.policyAnswer(sender, OUTSIDE)).toBe(BAD_OUTBOUND_SENDER);
      expect(await service.policyAnswer(sender, INSIDE)).toBe(DUNNO);
    }
  });

  await test.step("the operator signs in and finds them, each with the reason", async () => {
    await service.signUp(page);
    await expect(row(page, ALICE)).toContainText("12 of 40 messages were spam");
    await expect(row(page, BOB)).toContainText("503");
    await photograph("1-list");
  });

  await test.step("details, recommendations, Yes", async () => {
    await unblockOf(page, ALICE).click();
    await expect(page.getByRole("dialog")).toContainText(ALICE);
    await photograph("2-details");

    await page.getByRole("button", { name: "Next" }).click();
    await expect(page.getByText("Turn on multi-factor authentication")).toBeVisible();
    await page.getByLabel("Comment").fill("Password changed, rules removed");
    await photograph("3-recommendations");

    await page.getByRole("button", { name: "Unblock user" }).click();
    await expect(page.getByRole("button", { name: "No", exact: true })).toBeVisible();
    await photograph("4-confirm");

    await answer(page, "Yes");
    await expect(row(page, ALICE)).toContainText("Takes effect");
    expect(await service.policyAnswer(ALICE, OUTSIDE)).toBe(BAD_OUTBOUND_SENDER);
    await photograph("5-pending");
  });

  await test.step("mail is still refused; it flows when the five seconds are over, and not before", async () => {
    const { unblock } = await (await page.request.get(`/api/v1/restricted-users/${ALICE}`)).json();
    expect(Date.parse(unblock.takes_effect_at) - Date.parse(unblock.requested_at)).toBe(5_000);

    await expect.poll(() => service.policyAnswer(ALICE, OUTSIDE), { timeout: 10_000, intervals: [100] }).toBe(DUNNO);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(unblock.takes_effect_at));
    expect(await service.policyAnswer(BOB, OUTSIDE)).toBe(BAD_OUTBOUND_SENDER);
  });

  await test.step("list, history and audit log tell the same story", async () => {
    await page.reload();
    await expectList(page);
    await expect(row(page, BOB)).toBeVisible();
    await expect(row(page, ALICE)).toHaveCount(0);

    const alice = await (await page.request.get(`/api/v1/restricted-users/${ALICE}`)).json();
    expect(alice).toMatchObject({ state: "released", cause: "outbound_spam", unblock: { requested_by: OPERATOR, comment: "Password changed, rules removed" } });

    const history = await (await page.request.get(`/api/v1/restricted-users/${alice.id}/history`)).json();
    expect(history.items.map(({ event }: { event: string }) => event)).toEqual(["restricted", "unblock_requested", "released"]);

    await page.goto(`/#/restrictedusers/${alice.id}`);
    await expect(page.getByRole("heading", { level: 1, name: ALICE })).toBeVisible();
    for (const told of ["Released", OPERATOR, "Password changed, rules removed"]) {
      await expect(page.getByRole("main")).toContainText(told);
    }
    await photograph("6-history");

    const audit = await (await page.request.get("/api/v1/audit", { params: { address: ALICE } })).json();
    const told = audit.items.map(({ actor_kind, actor }: { actor_kind: string; actor: string | null }) => ({ actor_kind, actor }));
    expect(told[0]).toMatchObject({ actor_kind: "system" }); // the release, newest first
    expect(told[1]).toEqual({ actor_kind: "operator", actor: OPERATOR }); // the request
  });
});
