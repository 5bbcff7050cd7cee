// The real service on a throw-away database, a new one for every test, and a browser that looks at it.

import { expect, test as base, type Page } from "@playwright/test";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const PROGRAM = path.resolve(process.env.RESTRICTED_USERS_BIN ?? path.join(__dirname, "../../target/debug/restricted-users"));
const STARTS_WITHIN_MS = 20_000;
const STOPS_WITHIN_MS = 10_000;
/** A command or a request that hangs is told by its name, and with what the service wrote, not by the time of its whole test. */
const ENDS_WITHIN_MS = 20_000;

/** An export of `Get-BlockedSenderAddress` as Exchange and PowerShell write it: two users, one for spam, one for a limit. */
export const BLOCKED_SENDERS = path.join(__dirname, "../fixtures/blocked-senders.csv");
export const ALICE = "alice@example.org";
export const BOB = "bob.miller@example.org";

/** The operator whom `signUp` makes. */
export const OPERATOR = "olivia@example.org";
export const PASSWORD = "a long walk by the sea";

export const BAD_OUTBOUND_SENDER = "action=550 5.1.8 Access denied, bad outbound sender";
export const DUNNO = "action=DUNNO";

export const test = base.extend<{ propagationDelay: string; settings: Record<string, string>; provokes: number[]; service: Service }>({
  propagationDelay: ["5s", { option: true }],
  settings: [{}, { option: true }],
  /** The statuses that the browser complains of, and that the test is about. */
  provokes: [[], { option: true }],

  service: async ({ propagationDelay, settings }, use) => {
    const service = await Service.start({ RESTRICTED_USERS_PROPAGATION_DELAY: propagationDelay, ...settings });
    await use(service);
    await service.stop();
  },

  baseURL: async ({ service }, use) => use(service.url),

  // Whatever a test is about, the browser must have nothing to complain of: no script error, nothing refused by the CSP.
  page: async ({ page, provokes }, use) => {
    const expected = [401, ...provokes].map((status) => `status of ${status}`);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      const isExpected = expected.some((status) => message.text().includes(status));
      if (message.type() === "error" && !isExpected) complaints.push(message.text());
    });
    await use(page);
    expect(complaints).toEqual([]);
  },
});

export class Service {
  /** The first operator's one-time link, as `serve` printed it. */
  link = "";
  private portal?: string;
  private policy?: { host: string; port: number };
  private tokens: Record<string, string> = {};
  private log: string[] = [];

  private constructor(
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly process: ChildProcess,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Service> {
    const folder = await mkdtemp(path.join(tmpdir(), "restricted-users-browser-"));
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      RESTRICTED_USERS_DATABASE_URL: `sqlite:${path.join(folder, "restricted-users.db")}`,
      RESTRICTED_USERS_LISTEN: "127.0.0.1:0",
      RESTRICTED_USERS_POLICY_LISTEN: "127.0.0.1:0",
      RESTRICTED_USERS_ORGANIZATION_NAME: "Example Org",
      RESTRICTED_USERS_ORGANIZATION_DOMAINS: "example.org",
      RESTRICTED_USERS_LOG_FORMAT: "json",
      ...settings,
    };
    const child = spawn(PROGRAM, ["serve"], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    const service = new Service(folder, env, child);
    try {
      await service.listening();
    } catch (error) {
      await service.stop();
      throw error;
    }
    return service;
  }

  /** Where the browser finds the portal: `http://localhost:` and its port. */
  get url(): string {
    return new URL(this.link).origin;
  }

  /** Runs another command of the same program on the same database; what it printed. Fails when its exit status is not 0. */
  async cli(...args: string[]): Promise<string> {
    // The service took a free port, which the settings do not know.
    const env = { ...this.env, RESTRICTED_USERS_PUBLIC_URL: this.url };
    const options = { cwd: this.folder, env, timeout: ENDS_WITHIN_MS };
    const ended = promisify(execFile)(PROGRAM, args, options);
    const { stdout } = await ended.catch((error) => {
      throw new Error(`${args.join(" ")}: ${error.killed ? "did not end" : error}\n${this.log.join("\n")}`);
    });
    return stdout.trim();
  }

  /** Restricts one account, with any reason, by importing it. */
  async restrict(address: string, reason: string): Promise<void> {
    await this.import([{ SenderAddress: address, Reason: reason }]);
  }

  /** Imports rows, as PowerShell writes them as JSON. */
  async import(rows: Record<string, unknown>[]): Promise<void> {
    const file = path.join(this.folder, `${crypto.randomUUID()}.json`);
    await writeFile(file, JSON.stringify(rows));
    await this.cli("import", file);
  }

  /** Tells of messages as a mail server's script does. */
  async tell(messages: Record<string, unknown>[]): Promise<void> {
    await this.post("/api/v1/outbound-messages", messages);
  }

  /** Tells of a spam message as rspamd does. */
  async tellSpam(user: string, queueId: string, more: Record<string, unknown> = {}): Promise<void> {
    await this.post("/api/v1/verdicts/rspamd", {
      user,
      qid: queueId,
      action: "add header",
      score: 14.2,
      ip: "203.0.113.66",
      rcpt: ["victim@remote.example"],
      subject: "You have won",
      message_id: `${queueId}@mail.example.org`,
      symbols: [
        { name: "BAYES_SPAM", score: 5.1 },
        { name: "URIBL_BLACK", score: 7.5 },
        { name: "MIME_GOOD", score: -0.1 },
      ],
      ...more,
    });
  }

  /** Asks for the end of a restriction, as a script does. */
  async unblock(address: string): Promise<void> {
    await this.post(`/api/v1/restricted-users/${address}/unblock`, {}, "security-administrator");
  }

  private async post(path: string, body: unknown, role = "mail-server"): Promise<void> {
    this.tokens[role] ??= await this.cli("token", "create", "--name", role, "--role", role);
    const headers = { Authorization: `Bearer ${this.tokens[role]}`, "Content-Type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(ENDS_WITHIN_MS) };
    const answer = await fetch(this.url + path, request).catch((error) => {
      throw new Error(`POST ${path}: ${error}\n${this.log.join("\n")}`);
    });
    expect(answer.status, await answer.text()).toBeLessThan(300);
  }

  /** What Postfix is told when this SASL login names this recipient. */
  async policyAnswer(sender: string, recipient: string): Promise<string> {
    const socket = connect(this.policy!);
    socket.setTimeout(5_000, () => socket.destroy(new Error("the policy port did not answer within 5 s")));
    const request = { request: "smtpd_access_policy", protocol_state: "RCPT", sasl_username: sender, sender, recipient };
    socket.write(Object.entries(request).map(([name, value]) => `${name}=${value}\n`).join("") + "\n");

    let answer = "";
    for await (const chunk of socket) {
      answer += chunk;
      if (answer.includes("\n\n")) break;
    }
    return answer.trim();
  }

  /** Becomes the first operator, and ends at the list. */
  async signUp(page: Page): Promise<void> {
    await page.goto(this.link);
    await page.getByLabel("Your address").fill(OPERATOR);
    await setPassword(page);
  }

  async signIn(page: Page): Promise<void> {
    await enterPassword(page, PASSWORD);
    await expectList(page);
  }

  async stop(): Promise<void> {
    if (this.process.pid !== undefined && this.process.exitCode === null && this.process.signalCode === null) {
      const ended = new Promise((resolve) => this.process.once("exit", resolve));
      const tooLate = setTimeout(() => this.process.kill("SIGKILL"), STOPS_WITHIN_MS);
      this.process.kill("SIGTERM");
      await ended;
      clearTimeout(tooLate);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Waits until both ports are told in the log, and the link is printed. */
  private listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${PROGRAM} ${why}\n${this.log.join("\n")}`));
      const tooLate = setTimeout(() => fail("did not come up"), STARTS_WITHIN_MS);
      const whenReady = () => {
        if (!this.link || !this.portal || !this.policy) return;
        clearTimeout(tooLate);
        resolve();
      };
      this.process.once("error", (error) => fail(`cannot be started: ${error.message}`));
      this.process.once("exit", (status) => fail(`ended with status ${status}`));
      createInterface(this.process.stdout!).on("line", (line) => {
        this.link ||= line;
        whenReady();
      });
      createInterface(this.process.stderr!).on("line", (line) => {
        this.log.push(line);
        this.readLog(line);
        whenReady();
      });
    });
  }

  private readLog(line: string): void {
    if (!line.startsWith("{")) return;
    const { fields } = JSON.parse(line);
    if (fields?.message !== "listening") return;
    if (fields.part === "web") this.portal = fields.address;
    if (fields.part === "postfix") {
      const { hostname, port } = new URL(`tcp://${fields.address}`);
      this.policy = { host: hostname, port: Number(port) };
    }
  }
}

/** Fills in the sign-in page, and sends it. */
export async function enterPassword(page: Page, password: string): Promise<void> {
  await page.getByLabel("Address").fill(OPERATOR);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Opens an address as from a link in a message: a new page, not the one that is open. */
export async function openLink(page: Page, link: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(link);
}

/** Follows a one-time link's page to its end: a password, then the list. */
export async function setPassword(page: Page): Promise<void> {
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set password" }).click();
  await expectList(page);
}

export async function expectList(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name: "Restricted users", exact: true })).toBeVisible();
}

export function row(page: Page, address: string) {
  return page.getByRole("row").filter({ hasText: address });
}

/** What opens the fly-out, in the row of `address`. */
export function unblockOf(page: Page, address: string) {
  return row(page, address).getByRole("link", { name: `Unblock ${address}` });
}

export async function openUser(page: Page, address: string): Promise<void> {
  await page.getByRole("link", { name: address, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: address })).toBeVisible();
}

/** The id of the latest restriction of `address`. */
export async function idOf(page: Page, address: string): Promise<string> {
  return (await (await page.request.get(`/api/v1/restricted-users/${address}`)).json()).id;
}

/** Goes through the first two steps, up to the question. */
export async function askToUnblock(page: Page, address: string): Promise<void> {
  await unblockOf(page, address).click();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("button", { name: "Unblock user" }).click();
}

export async function answer(page: Page, answer: "Yes" | "No"): Promise<void> {
  await page.getByRole("button", { name: answer, exact: true }).click();
}

export { expect };
