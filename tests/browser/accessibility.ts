// What axe and a narrow screen find on a page.

import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";

export async function expectNoViolation(page: Page, name: string): Promise<void> {
  await test.step(name, async () => {
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`));
    expect(found, name).toEqual([]);

    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
  });
}
