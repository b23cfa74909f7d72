// Does what an agent does: makes a short link, reads it back and is told what is wrong, with the official MCP client.
// Through mcp-graphql, through the server's own tools at /mcp, and through `linkhop mcp`.
//
//   node mcp.mjs URL KEY LINKHOP    # a running server, a key that may make links, and the program
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, key, linkhop] = process.argv.slice(2);
const operation = (name) => readFileSync(new URL(`../../../operations/${name}.graphql`, import.meta.url), 'utf8');

let passed = 0;
let failed = 0;
function check(what, holds, seen) {
    if (holds) passed += 1;
    else failed += 1;
    console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${holds ? '' : `\n     seen: ${JSON.stringify(seen)}`}`);
}

// A server of one agent: its own process, which speaks over its standard streams.
async function agent(settings) {
    const client = new Client({ name: 'linkhop-check', version: '1.0.0' });
    const transport = new StdioClientTransport({
        command: process.execPath,
        args: [fileURLToPath(import.meta.resolve('mcp-graphql/dist/index.js'))],
        env: { PATH: process.env.PATH, ENDPOINT: `${url}/graphql`, ...settings },
        stderr: 'ignore',
    });
    await client.connect(transport);
    const call = async (name, values = {}) => {
        const answer = await client.callTool({ name, arguments: values }, undefined, { timeout: 20_000 });
        return { failed: Boolean(answer.isError), text: answer.content.map((part) => part.text).join('\n') };
    };
    // mcp-graphql takes variables as a text and sends them on as one.
    const send = async (document, variables) => {
        const answer = await call('query-graphql', { query: document, variables: JSON.stringify(variables) });
        return answer.failed ? { error: answer.text } : JSON.parse(answer.text).data;
    };
    return { client, call, send };
}

const HEADERS = JSON.stringify({ 'X-Api-Key': key });

async function run() {
    const { client, call, send } = await agent({ HEADERS, ALLOW_MUTATIONS: 'true' });
    try {
        const tools = (await client.listTools()).tools.map((tool) => tool.name).sort();
        check('the tools are there', tools.join() === 'introspect-schema,query-graphql', tools);

        const schema = await call('introspect-schema');
        const manual = [
            'createShortLink(',
            'union CreateShortLinkResult',
            'input CreateShortLinkInput',
            'Turns a URL, or an offer',
            'E.164 such as `+18005551234`',
        ];
        const missing = manual.filter((part) => !schema.text.includes(part));
        check('the schema is read, descriptions and all', !schema.failed && missing.length === 0, missing);

        const destination = `https://example.com/spring-sale?run=${process.pid}`;
        const variables = { url: destination, listId: 42, metadata: { campaign: 'spring' }, code: null };
        const answer = await send(operation('CreateShortLinkFromUrl'), variables);
        const made = answer.createShortLink;
        check('a link is made, with variables', made?.__typename === 'CreateShortLinkSuccess', answer);

        const found = await send(operation('FindShortLink'), { shortUrl: made?.shortUrl ?? '' });
        const link = found.shortLink;
        check('and found again', link?.id !== undefined && link.id === made?.shortLink.id, found);
        const same = link?.destinationUrl === destination && link.shortUrl === made?.shortUrl && link.metadata.campaign === 'spring';
        check('as it was made', same, link);

        const refused = await send(operation('CreateShortLinkFromUrl'), { url: destination, listId: 7 });
        const { code, message } = refused.createShortLink ?? {};
        const says = code === 'LIST_NOT_FOUND' && message.includes('sendingLists');
        check('what is wrong comes as data that says what to do', says, refused);

        const lost = await send('query Offers($first: Int) { offers(first: $first) { nodes { nonsense } } }', { first: 1 });
        check('a wrong document is an error that names the field', lost.error?.includes('nonsense'), lost);
    } finally {
        await client.close();
    }

    // An operator who allows no mutations gets none, and the reading works on.
    const reader = await agent({ HEADERS });
    try {
        const who = await reader.send(operation('Viewer'), {});
        check('without mutations an agent still reads', who.viewer?.account.name !== undefined, who);
        const kept = await reader.send(operation('CreateShortLinkFromUrl'), { url: 'https://example.com/', listId: 42 });
        check('and makes nothing', kept.error?.includes('Mutations are not allowed'), kept);
    } finally {
        await reader.client.close();
    }
}

// The server's own tools, whichever way they are reached.
async function ownTools(way, transport) {
    const client = new Client({ name: 'linkhop-check', version: '1.0.0' });
    await client.connect(transport);
    try {
        const { tools } = await client.listTools();
        const names = tools.map((tool) => tool.name);
        check(`${way}: the tools are there`, names.length === 6 && names.includes('create_short_link'), names);
        const input = { url: `https://example.com/${way}?run=${process.pid}`, listId: 42 };
        const made = await client.callTool({ name: 'create_short_link', arguments: input });
        const link = made.structuredContent?.createShortLink;
        check(`${way}: a link is made`, !made.isError && link?.destinationUrl === input.url, made);
        const found = await client.callTool({ name: 'find_short_links', arguments: { shortUrl: link?.shortUrl ?? '' } });
        check(`${way}: and found again`, found.structuredContent?.shortLink?.id === link?.shortLink.id, found);
        const refused = await client.callTool({ name: 'create_short_link', arguments: { ...input, listId: 7 } });
        const [error] = refused.structuredContent?.errors ?? [];
        check(`${way}: what is wrong is said`, refused.isError && error?.code === 'LIST_NOT_FOUND', refused);
    } finally {
        await client.close();
    }
}

async function runOwn() {
    const bearer = { requestInit: { headers: { Authorization: `Bearer ${key}` } } };
    await ownTools('http', new StreamableHTTPClientTransport(new URL(`${url}/mcp`), bearer));
    const env = { PATH: process.env.PATH, NO_PROXY: '127.0.0.1', LINKHOP_URL: url, LINKHOP_API_KEY: key };
    await ownTools('stdio', new StdioClientTransport({ command: linkhop, args: ['mcp'], env, stderr: 'ignore' }));
}

await run().catch((error) => check('every step could be done', false, `${error.message ?? error}`));
await runOwn().catch((error) => check('every step could be done', false, `${error.message ?? error}`));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
