import type { TypedDocumentString } from './gql/graphql.js';

/** An answer without data: the key, the scope, a limit, or the server. `code` says which. */
export class RequestError extends Error {
    constructor(
        message: string,
        readonly code: string,
    ) {
        super(message);
    }
}

/** Sends operations to one server with one key. */
export class Linkhop {
    constructor(
        private readonly url: string,
        private readonly apiKey: string,
    ) {}

    async send<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
        const response = await fetch(new URL('/graphql', this.url), {
            method: 'POST',
            headers: {
                'Content-Type': 'application/json',
                Accept: 'application/graphql-response+json, application/json',
                'X-Api-Key': this.apiKey,
            },
            body: JSON.stringify({ query: document.toString(), variables }),
            signal: AbortSignal.timeout(15_000),
        });
        const answer = (await response.json()) as {
            data?: Data | null;
            errors?: { message: string; extensions?: { code?: string } }[];
        };
        const error = answer.errors?.[0];
        if (error || !answer.data) {
            throw new RequestError(error?.message ?? `HTTP status ${response.status}`, error?.extensions?.code ?? 'UNKNOWN');
        }
        return answer.data;
    }
}
