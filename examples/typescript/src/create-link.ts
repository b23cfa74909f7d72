import { randomUUID } from 'node:crypto';
import { Linkhop, RequestError } from './linkhop.js';
import {
    CreateShortLinkFromUrlDocument,
    FindShortLinkDocument,
    type CreateShortLinkFromUrlMutation,
} from './gql/graphql.js';

type Result = CreateShortLinkFromUrlMutation['createShortLink'];

/** The short URL, or a sentence for whoever asked for the link. */
function outcome(result: Result): { shortUrl: string } | { refused: string } {
    switch (result.__typename) {
        case 'CreateShortLinkSuccess':
            return { shortUrl: result.shortUrl };
        case 'CodeTakenError':
            return { refused: 'That code is taken. Try another.' };
        case 'InvalidUrlError':
        case 'InvalidPhoneError':
        case 'InvalidMetadataError':
        case 'InvalidCodeError':
        case 'InvalidExpiryError':
            return { refused: `Please correct this. ${result.message}` };
        case 'ListNotFoundError':
        case 'NoDomainConfiguredError':
        case 'OfferNotFoundError':
            return { refused: `The catalogue has to change first. ${result.message}` };
        case 'ProductNotEnabledError':
            return { refused: 'This account may not make short links.' };
        case 'IdCollisionError':
            return { refused: 'No code was free. Send the same call again.' };
        case 'MissingUrlOrOfferError':
        case 'MissingListIdentifierError':
        case 'InvalidIdempotencyKeyError':
        case 'IdempotencyConflictError':
            throw new Error(`this program sends a wrong call: ${result.message}`);
        default: {
            // Whatever has no case above would be no `never`: a new member of the union fails the type check here.
            const unknown: never = result;
            throw new Error(`an answer that this program is too old for: ${JSON.stringify(unknown)}`);
        }
    }
}

function needed(variable: string): string {
    const value = process.env[variable];
    if (!value) throw new Error(`set ${variable}`);
    return value;
}

async function main(): Promise<void> {
    const [url = 'https://example.com/spring-sale', listId = '42'] = process.argv.slice(2);
    const linkhop = new Linkhop(needed('LINKHOP_URL'), needed('LINKHOP_API_KEY'));

    const made = await linkhop.send(CreateShortLinkFromUrlDocument, {
        url,
        listId: Number(listId),
        metadata: { campaign: 'spring' },
        // Kept by whoever repeats the call, so that a lost answer doesn't make a second link.
        idempotencyKey: randomUUID(),
    });
    const link = outcome(made.createShortLink);
    if ('refused' in link) {
        console.error(link.refused);
        process.exitCode = 1;
        return;
    }

    const { shortLink } = await linkhop.send(FindShortLinkDocument, link);
    if (!shortLink) throw new Error(`${link.shortUrl} was made and is not found`);
    console.log(`${shortLink.shortUrl} -> ${shortLink.destinationUrl}`);
    console.log(`from list ${shortLink.sendingList.listId}, ${shortLink.status}, made at ${shortLink.createdAt}`);
}

main().catch((error: unknown) => {
    console.error(error instanceof RequestError ? `${error.code}: ${error.message}` : error);
    process.exitCode = 1;
});
