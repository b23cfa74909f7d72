#!/usr/bin/env bash
# Makes a short link and reads it back: create-link.sh [DESTINATION] [LIST_ID]
#
# Needs curl and jq, and in the environment LINKHOP_URL and LINKHOP_API_KEY.
set -euo pipefail
: "${LINKHOP_URL:?set LINKHOP_URL}" "${LINKHOP_API_KEY:?set LINKHOP_API_KEY}"
destination=${1-https://example.com/spring-sale}
list=${2-42}

# send QUERY VARIABLES: what the server answers under `data`; ends the script if there is no data.
send() {
    local answer
    # The key goes by standard input: arguments of a process can be read by others on the machine.
    answer=$(
        printf 'header = "X-Api-Key: %s"\n' "$LINKHOP_API_KEY" |
            curl --config - --silent --show-error --max-time 15 --header 'Content-Type: application/json' \
                --data-binary "$(jq -nc --arg query "$1" --argjson variables "$2" '$ARGS.named')" \
                "$LINKHOP_URL/graphql"
    )
    if jq -e 'has("errors")' <<<"$answer" >/dev/null; then
        jq -r '.errors[0] | "\(.extensions.code): \(.message)"' <<<"$answer" >&2
        return 1
    fi
    jq -c .data <<<"$answer"
}

made=$(send '
mutation CreateShortLink($input: CreateShortLinkInput!) {
  createShortLink(input: $input) {
    __typename
    ... on CreateShortLinkSuccess { shortUrl }
    ... on UserError { code message path retryable }
  }
}' "$(jq -nc --arg url "$destination" --argjson listId "$list" '{input: $ARGS.named}')")

case $(jq -r .createShortLink.__typename <<<"$made") in
    CreateShortLinkSuccess) ;;
    ListNotFoundError | NoDomainConfiguredError)
        jq -r '"The catalogue has to change first. \(.createShortLink.message)"' <<<"$made" >&2
        exit 1
        ;;
    *)
        jq -r '.createShortLink | "\(.code) at \(.path | join(".")): \(.message)"' <<<"$made" >&2
        exit 1
        ;;
esac

found=$(send '
query FindShortLink($shortUrl: String!) {
  shortLink(by: { shortUrl: $shortUrl }) { shortUrl destinationUrl status createdAt sendingList { listId } }
}' "$(jq -c '{shortUrl: .createShortLink.shortUrl}' <<<"$made")")
jq -r '.shortLink | "\(.shortUrl) -> \(.destinationUrl)\nfrom list \(.sendingList.listId), \(.status), made at \(.createdAt)"' <<<"$found"
