import { defineConfig } from "@playwright/test";

export default defineConfig({
  workers: 1,
  retries: 0,
  timeout: 60_000,
  forbidOnly: Boolean(process.env.CI),
  reporter: "list",
  use: {
    screenshot: "only-on-failure",
    // A page that fades in would be judged half-way.
    contextOptions: { reducedMotion: "reduce" },
    launchOptions: {
      executablePath: "/usr/bin/chromium",
      args: [
        "--no-sandbox", // Chromium's own sandbox does not start as root
        "--disable-gpu",
        // It would look for Google's servers, in vain where there is no network.
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
