// A client whose types are generated from the OpenAPI document of a running service: it compiles, and it works.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import openapiTS, { astToString } from 'openapi-typescript';

const run = promisify(execFile);
const here = import.meta.dirname;
const program = path.resolve(process.env.RESTRICTED_USERS_BIN ?? path.join(here, '../../target/debug/restricted-users'));

let folder, service, url, token;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'restricted-users-client-'));
  const env = {
    PATH: process.env.PATH,
    RESTRICTED_USERS_DATABASE_URL: `sqlite:${path.join(folder, 'restricted-users.db')}`,
    RESTRICTED_USERS_LISTEN: '127.0.0.1:0',
    RESTRICTED_USERS_POLICY_LISTEN: '127.0.0.1:0',
    RESTRICTED_USERS_LOG_FORMAT: 'json',
  };
  service = spawn(program, ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  url = await listening(service);
  const created = await run(program, ['token', 'create', '--name', 'client', '--role', 'security-administrator'], { env });
  token = created.stdout.trim();
});

after(async () => {
  service?.kill();
  await rm(folder, { recursive: true, force: true });
});

/** The address of the service, which it tells in its log. */
async function listening(process) {
  for await (const line of createInterface({ input: process.stderr })) {
    const { fields } = line.startsWith('{') ? JSON.parse(line) : {};
    if (fields?.message === 'listening' && fields.part === 'web') {
      process.stderr.resume();
      return `http://${fields.address}`;
    }
  }
  throw new Error('the service did not start');
}

test('a client generated from the document compiles, lists and unblocks', { timeout: 120_000 }, async () => {
  await writeFile(path.join(folder, 'schema.ts'), astToString(await openapiTS(new URL('/api/openapi.json', url))));
  await cp(path.join(here, 'client.ts'), path.join(folder, 'client.ts'));
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
  await symlink(path.join(here, 'node_modules'), path.join(folder, 'node_modules'));
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck', 'client.ts'];
  await run(process.execPath, [path.join(here, 'node_modules/typescript/bin/tsc'), ...options], { cwd: folder }).catch(
    ({ stdout }) => assert.fail(stdout),
  );

  const { client, list, restrict, unblock } = await import(pathToFileURL(path.join(folder, 'client.js')));
  const api = client(url, token);
  for (const address of ['alice@example.org', 'bob@example.org', 'carol@example.org']) {
    assert.equal((await restrict(api, address)).state, 'restricted');
  }
  assert.deepEqual(await list(api, 2), ['alice@example.org', 'bob@example.org', 'carol@example.org']);
  assert.ok(new Date(await unblock(api, 'bob@example.org')) > new Date());
  await assert.rejects(unblock(api, 'nobody@example.org'), { message: '/problems/not-found' });
});
