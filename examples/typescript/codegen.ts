import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
    schema: '../../schema.graphql',
    documents: '../../operations/*.graphql',
    generates: {
        'src/gql/': {
            preset: 'client',
            presetConfig: { fragmentMasking: false },
            config: {
                // Documents as plain strings: the program needs no GraphQL library to run.
                documentMode: 'string',
                enumsAsTypes: true,
                strictScalars: true,
                scalars: { DateTime: 'string', JSON: 'unknown' },
            },
        },
    },
    importExtension: '.js',
};

export default config;
