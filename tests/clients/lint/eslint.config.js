// What the schema and the operations must be like. Run from the repository's root, as scripts/clients does.
import plugin from '@graphql-eslint/eslint-plugin';

const rulesOf = (name) => plugin.configs[`flat/${name}`].rules;

// One thing is all that there is to say in these, mostly an id: an input object would be a wrapper around it. Every other
// mutation takes `input`.
const WITHOUT_INPUT = new Set([
    'archiveOffer',
    'archiveSendingList',
    'archiveDomain',
    'archiveShortLink',
    'archiveShortLinks',
    'disableShortLink',
    'enableShortLink',
    'eraseContact',
    'revokeApiKey',
]);

const inputName = plugin.rules['input-name'];
function mutationOf(node) {
    return node.type === 'FieldDefinition' ? node.name.value : node.parent && mutationOf(node.parent);
}
const exceptThose = {
    ...inputName,
    create: (context) =>
        inputName.create(
            Object.create(context, {
                report: { value: (found) => WITHOUT_INPUT.has(mutationOf(found.node)) || context.report(found) },
            }),
        ),
};

// When a click was: a participle, and not the name of its type once more.
const PARTICIPLES = new Set(['clickedAt']);
const noPrefix = plugin.rules['no-typename-prefix'];
const exceptParticiples = {
    ...noPrefix,
    create: (context) =>
        noPrefix.create(
            Object.create(context, {
                report: { value: (found) => PARTICIPLES.has(found.node?.value) || context.report(found) },
            }),
        ),
};

function files(pattern, rules) {
    return {
        files: [pattern],
        languageOptions: {
            parser: plugin.parser,
            parserOptions: { graphQLConfig: { schema: 'schema.graphql', documents: 'operations/*.graphql' } },
        },
        linterOptions: { reportUnusedDisableDirectives: 'error' },
        plugins: { '@graphql-eslint': plugin, linkhop: { rules: { 'input-name': exceptThose, 'no-typename-prefix': exceptParticiples } } },
        rules,
    };
}

export default [
    files('schema.graphql', {
        ...rulesOf('schema-recommended'),
        ...rulesOf('schema-relay'),
        '@graphql-eslint/require-description': [
            'error',
            {
                types: true,
                rootField: true,
                DirectiveDefinition: true,
                FieldDefinition: true,
                EnumValueDefinition: true,
                InputValueDefinition: true,
                // The arguments of the specification's own directives, which the server's library prints without.
                ignoredSelectors: ['[type=InputValueDefinition][parent.type=DirectiveDefinition]'],
            },
        ],
        '@graphql-eslint/strict-id-in-types': [
            'error',
            {
                exceptions: {
                    // Parts of an answer. They are stored nowhere and nothing could be asked about them by an id.
                    suffixes: ['Connection', 'Edge', 'Error', 'Success'],
                    // Of the account, which has one; of a report; of a link; of a stream; of a list; of the request; of what links lead through; of a
                    // link's picture and text.
                    types: [
                        'AccountSettings',
                        'ClickCounts',
                        'ClickReport',
                        'ClickReportKey',
                        'ClickReportRow',
                        'ClickStats',
                        'DomainUsage',
                        'LinkUsage',
                        'MissedClicks',
                        'PageInfo',
                        'QrCode',
                        'Sms',
                        'UnicodeCharacter',
                        'Viewer',
                    ],
                },
            },
        ],
        // `listTypeCanWrapOnlyEdgeType` would forbid every list that is no connection: scopes, products, an error's
        // path, and the `nodes` beside `edges` for callers that need no cursor of their own. `shouldImplementNode` would
        // want every click to be found by its id alone: an index over all clicks, for which each redirect would pay.
        '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false }],
        '@graphql-eslint/no-typename-prefix': 'off',
        'linkhop/no-typename-prefix': 'error',
        'linkhop/input-name': ['error', { checkInputType: true, caseSensitiveInputType: false }],
        '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
        '@graphql-eslint/require-nullable-fields-with-oneof': 'error',
    }),
    files('operations/*.graphql', {
        ...rulesOf('operations-recommended'),
        '@graphql-eslint/lone-executable-definition': 'error',
        '@graphql-eslint/match-document-filename': ['error', { query: 'PascalCase', mutation: 'PascalCase' }],
    }),
];
