import { ALICE, answer, BAD_OUTBOUND_SENDER, BLOCKED_SENDERS, BOB, DUNNO, expect, expectList, OPERATOR, row, test, unblockOf } from "./service";

const OUTSIDE = "customer@remote.example";
const INSIDE = "colleague@example.org";
const COMMENT = "Password changed, rules removed";

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
    await page.getByRole("checkbox", { name: /^Change the password/ }).check();
    await page.getByRole("checkbox", { name: /^Remove forwarding/ }).check();
    await page.getByLabel("Comment").fill(COMMENT);
    await photograph("3-recommendations");

    await page.getByRole("button", { name: "Unblock user" }).click();
    await expect(page.getByRole("button", { name: "No", exact: true })).toBeVisible();
    await photograph("4-confirm");

    await answer(page, "Yes");
    await expect(row(page, ALICE)).toContainText(/Takes effect in 0:0\d/);
    expect(await service.policyAnswer(ALICE, OUTSIDE)).toBe(BAD_OUTBOUND_SENDER);
    await photograph("5-pending");
  });

  await test.step("mail is still refused; it flows when the five seconds are over, and not before", async () => {
    const { unblock } = await (await page.request.get(`/api/v1/restricted-users/${ALICE}`)).json();
    expect(Date.parse(unblock.takes_effect_at) - Date.parse(unblock.requested_at)).toBe(5_000);

    await expect.poll(() => service.policyAnswer(ALICE, OUTSIDE), { timeout: 10_000, intervals: [100] }).toBe(DUNNO);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(unblock.takes_effect_at));
    expect(await service.policyAnswer(BOB, OUTSIDE)).toBe(BAD_OUTBOUND_SENDER);
    await expect(row(page, ALICE)).toContainText("Released");
    await photograph("6-released");
  });

  await test.step("list, history and audit log tell the same story", async () => {
    await page.reload();
    await expectList(page);
    await expect(row(page, BOB)).toBeVisible();
    await expect(row(page, ALICE)).toHaveCount(0);
    await expect(page.getByRole("main")).toContainText("1 restricted");
    await expect(page.getByRole("main")).toContainText("1 released in 7 days");

    const alice = await (await page.request.get(`/api/v1/restricted-users/${ALICE}`)).json();
    expect(alice).toMatchObject({ state: "released", cause: "outbound_spam", unblock: { requested_by: OPERATOR, comment: COMMENT } });

    const history = await (await page.request.get(`/api/v1/restricted-users/${alice.id}/history`)).json();
    expect(history.items.map(({ event }: { event: string }) => event)).toEqual(["restricted", "unblock_requested", "released"]);
    expect(history.items[2].at).toBe(alice.released_at);
    expect(Date.parse(alice.released_at)).toBeGreaterThanOrEqual(Date.parse(alice.unblock.takes_effect_at));

    await page.goto(`/#/restrictedusers/${alice.id}`);
    await expect(page.getByRole("heading", { level: 1, name: ALICE })).toBeVisible();
    for (const told of ["Released", OPERATOR, COMMENT]) {
      await expect(page.getByRole("main")).toContainText(told);
    }
    await photograph("7-history");

    const audit = await (await page.request.get("/api/v1/audit", { params: { address: ALICE } })).json();
    expect(audit.items).toHaveLength(2);
    const [released, requested] = audit.items; // newest first
    expect(released).toMatchObject({ action: "Delisted", actor_kind: "system", at: alice.released_at });
    expect(requested).toMatchObject({ action: "UnblockRequested", actor_kind: "operator", actor: OPERATOR, at: alice.unblock.requested_at });
    expect(requested.after).toMatchObject({ unblock: { comment: COMMENT }, done: ["password", "forwarding"], skipped: ["mfa", "sessions", "delegates", "devices"] });

    const imported = await (await page.request.get("/api/v1/audit", { params: { action: "RestrictionsImported" } })).json();
    expect(imported.items.map(({ after }: { after: { imported: number } }) => after.imported)).toEqual([0, 2]);
  });
});
