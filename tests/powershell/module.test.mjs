// The PowerShell module, as far as it can be judged without PowerShell.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { functions, mistakes, parse } from './powershell.mjs';

const clients = new URL('../../clients/powershell/', import.meta.url);
const read = (path) => readFileSync(new URL(path, clients), 'utf8');
const script = read('RestrictedUsers/RestrictedUsers.psm1');
const manifest = read('RestrictedUsers/RestrictedUsers.psd1');
const examples = (page) => {
  const found = [...read(page).matchAll(/^```powershell\n(.*?)^```/gms)].map(([, example]) => example);
  assert.notEqual(found.length, 0, page);
  return found;
};
const exported = ['Connect-RestrictedUsers', 'Get-BlockedSenderAddress', 'Remove-BlockedSenderAddress'];

test('the module, its manifest and the examples of its page are PowerShell', () => {
  assert.deepEqual(mistakes(script), []);
  assert.deepEqual(mistakes(manifest), []);
  for (const example of examples('README.md')) assert.deepEqual(mistakes(example), []);
});

test('the jobs of the page about the API are PowerShell', () => {
  const jobs = examples('../../docs/api.md');
  assert.equal(jobs.length, 6);
  for (const job of jobs) assert.deepEqual(mistakes(job), []);
  for (const job of jobs) assert.notDeepEqual(mistakes(job.replace(/[)}\]']\s*$/m, '')), [], job);
});

test('a script that is broken anywhere is seen to be', () => {
  for (const [whole, broken] of [
    ["@{ SenderAddress = $SenderAddress }", "@{ SenderAddress = $SenderAddress"],
    ['while ($path) {', 'while ($path {'],
    ["call Connect-RestrictedUsers first.'", 'call Connect-RestrictedUsers first.'],
    ['[Parameter(Mandatory,', '[Parameter Mandatory,'],
    ['foreach ($item in', 'foreach ($item of'],
  ]) {
    assert.ok(script.includes(whole), whole);
    assert.notDeepEqual(mistakes(script.replace(whole, broken)), [], broken);
  }
  assert.notDeepEqual(mistakes(script.slice(0, script.length / 2)), []);
  assert.notDeepEqual(mistakes(manifest.replace(/}\s*$/, '')), []);
});

test('the manifest exports what the module exports, and has the version of the program', () => {
  const listed = (text, after) => [...text.slice(text.indexOf(after)).split('\n')[0].matchAll(/\w+-\w+/g)].map(([name]) => name);
  assert.deepEqual(listed(manifest, 'FunctionsToExport').filter((name) => name !== 'FunctionsToExport'), exported);
  assert.deepEqual(listed(script, 'Export-ModuleMember').filter((name) => name !== 'Export-ModuleMember'), exported);
  const defined = functions(script).map(({ name }) => name);
  for (const name of exported) assert.ok(defined.includes(name), name);
  const version = readFileSync(new URL('../../Cargo.toml', import.meta.url), 'utf8').match(/^version = "(.*)"$/m)[1];
  assert.ok(manifest.includes(`ModuleVersion        = '${version}'`));
});

test('each command and each parameter has its help', () => {
  for (const { name, text, parameters } of functions(script).filter(({ name }) => exported.includes(name))) {
    const help = parse(text).descendantsOfType('comment')[0].text;
    assert.ok(help.startsWith('<#'), name);
    for (const keyword of ['.SYNOPSIS', '.DESCRIPTION', '.EXAMPLE']) assert.ok(help.includes(keyword), `${name} ${keyword}`);
    assert.notEqual(parameters.length, 0, name);
    const documented = [...help.matchAll(/^ *\.PARAMETER (\w+)$/gm)].map(([, parameter]) => parameter);
    assert.deepEqual(documented, parameters, name);
  }
});

test('to remove a sender asks ShouldProcess, and takes senders and no reasons from the pipeline', () => {
  const { text } = functions(script).find(({ name }) => name === 'Remove-BlockedSenderAddress');
  assert.match(text, /\[CmdletBinding\(SupportsShouldProcess\b/);
  const asked = parse(text).descendantsOfType('invokation_expression').map((call) => call.text);
  assert.ok(asked.includes("$PSCmdlet.ShouldProcess($SenderAddress, 'Unblock')"), asked.join('\n'));
  const fromPipeline = parse(text).descendantsOfType('script_parameter').filter((it) => it.text.includes('ValueFromPipelineByPropertyName'));
  assert.deepEqual(fromPipeline.map((it) => it.text.match(/\$\w+/)[0]), ['$SenderAddress']);
});
