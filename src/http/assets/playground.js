// Mounts GraphiQL 4 on this server's own /graphql. The page is served with a Content-Security-Policy
// that allows neither inline scripts nor another host, so all that differs between two servers comes
// as data, in #playground-config: {headers, query, variables}, each the text of one editor.
'use strict';

(() => {
  const config = JSON.parse(document.getElementById('playground-config').textContent);

  // What stands in the headers tab where the server knows no key to hand out. It must not be sent:
  // a wrong key is answered 401 to every request, introspection too, and then the editor would have
  // neither docs nor completion. Without a key it has both. The same text stands in playground.rs.
  const PLACEHOLDER_KEY = 'trk_your_key';

  // GraphiQL keeps the visitor's work in localStorage. The key must not be part of it: a demo makes
  // a new one at each start, and a key of your own is nothing to leave on a disk. Tabs go without
  // their headers by `shouldPersistHeaders: false`, and come back with `defaultHeaders`. The history
  // doesn't heed that, so its headers are taken out on the way in, and are the server's on the way
  // out: old queries stay, and all of them run with the key of today.
  const HISTORIES = ['graphiql:queries', 'graphiql:favorites'];

  function withHeaders(history, headers) {
    return JSON.stringify(JSON.parse(history), (name, value) => (name === 'headers' ? headers : value));
  }

  function keptWithoutHeaders(storage) {
    return {
      getItem(name) {
        const value = storage.getItem(name);
        return value && HISTORIES.includes(name) ? withHeaders(value, config.headers) : value;
      },
      setItem(name, value) {
        storage.setItem(name, HISTORIES.includes(name) ? withHeaders(value, null) : value);
      },
      removeItem: (name) => storage.removeItem(name),
      clear: () => storage.clear(),
      get length() {
        return storage.length;
      },
    };
  }

  // A browser that blocks storage throws at the first touch. The playground then works until reload.
  function browserStorage() {
    try {
      const storage = GraphiQL.createLocalStorage({ namespace: 'linkhop' });
      storage.getItem('graphiql:tabState');
      return storage;
    } catch {
      const values = new Map();
      return {
        getItem: (name) => values.get(name) ?? null,
        setItem: (name, value) => void values.set(name, value),
        removeItem: (name) => void values.delete(name),
        clear: () => values.clear(),
        get length() {
          return values.size;
        },
      };
    }
  }

  const storage = keptWithoutHeaders(browserStorage());

  // A first visit finds the ready operation as if it had been typed here earlier. As properties
  // (`query`, `variables`) it would come back at each visit, in a tab of its own; and `defaultQuery`
  // has no counterpart for variables.
  if (storage.getItem('graphiql:tabState') === null) {
    storage.setItem('graphiql:query', config.query);
    storage.setItem('graphiql:variables', config.variables);
  }

  const send = GraphiQL.createFetcher({
    url: '/graphql',
    headers: { accept: 'application/graphql-response+json, application/json' },
    enableIncrementalDelivery: false,
  });

  function isSubscription({ operationName }, documentAST) {
    const operations = documentAST?.definitions.filter(({ kind }) => kind === 'OperationDefinition') ?? [];
    const named = operations.filter(({ name }) => name?.value === operationName);
    return (named.length > 0 ? named : operations).some(({ operation }) => operation === 'subscription');
  }

  // Reads the events of an answer (server-sent events) until it ends or says that it is complete.
  async function readEvents(body, next) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events) {
        const lines = event.split('\n');
        if (lines.includes('event: complete')) {
          return;
        }
        const data = lines.find((line) => line.startsWith('data:'));
        if (data) {
          next(JSON.parse(data.slice('data:'.length)));
        }
      }
    }
  }

  // GraphiQL's own fetcher subscribes over a WebSocket with a client that is not bundled. A stream of
  // events needs none, and has the same headers as all else.
  function subscribe(operation, headers) {
    return {
      subscribe(observer) {
        const aborting = new AbortController();
        const request = {
          method: 'POST',
          headers: {
            ...headers,
            'content-type': 'application/json',
            accept: 'text/event-stream',
          },
          body: JSON.stringify(operation),
          signal: aborting.signal,
        };
        const reading = async () => {
          const response = await fetch('/graphql', request);
          if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
            await readEvents(response.body, (result) => observer.next(result));
          } else {
            observer.next(await response.json());
          }
          observer.complete();
        };
        reading().catch((error) => aborting.signal.aborted || observer.error(error));
        return { unsubscribe: () => aborting.abort() };
      },
    };
  }

  function fetcher(operation, options) {
    const given = Object.entries(options?.headers ?? {}).filter(([, value]) => value !== PLACEHOLDER_KEY);
    const headers = Object.fromEntries(given);
    if (isSubscription(operation, options?.documentAST)) {
      return subscribe(operation, headers);
    }
    return send(operation, { ...options, headers });
  }

  // The variables editor underlines every object given to a scalar of one's own, so also each
  // `metadata`. A JSON scalar takes any JSON: for it the complaint is never true. The linter is
  // reached through an editor, since GraphiQL exports none; it first runs when the schema is there.
  let linterIsCorrected = false;

  function correctLinter() {
    const editor = document.querySelector('.graphiql-editor-tool .CodeMirror')?.CodeMirror;
    if (linterIsCorrected || !editor) {
      return;
    }
    const CodeMirror = editor.constructor;
    const lint = CodeMirror.lint['graphql-variables'];
    CodeMirror.registerHelper('lint', 'graphql-variables', (...given) =>
      lint(...given).filter((complaint) => complaint.message !== 'Expected value of type "JSON".'),
    );
    linterIsCorrected = true;
  }

  ReactDOM.createRoot(document.getElementById('playground')).render(
    React.createElement(
      GraphiQL,
      {
        fetcher,
        storage,
        onSchemaChange: correctLinter,
        // A new tab is empty: the ready operation would lack its variables there.
        defaultQuery: '',
        defaultHeaders: config.headers,
        shouldPersistHeaders: false,
        isHeadersEditorEnabled: true,
        // Where a key is still to be filled in, that is what the visitor must see first.
        defaultEditorToolsVisibility: config.headers.includes(PLACEHOLDER_KEY) ? 'headers' : 'variables',
      },
      React.createElement(GraphiQL.Logo, null, 'Linkhop'),
    ),
  );
})();
