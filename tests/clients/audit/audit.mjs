// Runs the public GraphQL-over-HTTP audits on a server:
//
//   npm ci && node audit.mjs http://127.0.0.1:8080/graphql [API key]
//
// Ends with a line `N passed, N failed`, and with 1 if anything failed that the specification says MUST or SHOULD be.
// What it says MAY be is printed and not counted.
import { serverAudits } from 'graphql-http';

const [url, key] = process.argv.slice(2);
if (!url) {
  console.error('usage: node audit.mjs URL [API key]');
  process.exit(2);
}

function fetchWithKey(input, init = {}) {
  const headers = new Headers(init.headers);
  if (key) {
    headers.set('x-api-key', key);
  }
  return fetch(input, { ...init, headers });
}

let passed = 0;
let failed = 0;
for (const { id, name, fn } of serverAudits({ url, fetchFn: fetchWithKey })) {
  let result;
  try {
    result = await fn();
  } catch (error) {
    result = { status: 'error', reason: error.cause?.message ?? error.message };
  }
  const isRequired = !name.startsWith('MAY');
  const isOk = result.status === 'ok';
  passed += isRequired && isOk;
  failed += isRequired && !isOk;
  console.log(`${isOk ? 'ok    ' : isRequired ? 'FAILED' : 'not so'} ${id} ${name}`);
  if (!isOk) {
    console.log(`            ${result.reason}`);
    const body = await result.response?.text().catch(() => undefined);
    if (body !== undefined) {
      console.log(`            ${result.response.status} ${body.slice(0, 300)}`);
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
