"""Makes a short link and reads it back: create_link.py [DESTINATION] [LIST_ID]"""

import os
import sys
import uuid

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXTransport

CREATE = gql("""
mutation CreateShortLink($input: CreateShortLinkInput!) {
  createShortLink(input: $input) {
    __typename
    ... on CreateShortLinkSuccess { shortUrl }
    ... on UserError { code message path retryable }
  }
}
""")

FIND = gql("""
query FindShortLink($shortUrl: String!) {
  shortLink(by: { shortUrl: $shortUrl }) { shortUrl destinationUrl status createdAt sendingList { listId } }
}
""")


class Refused(Exception):
    """The input has to change; the text says how."""


def create(session, url, list_id):
    """Makes a link and answers its short URL."""
    call = {
        "url": url,
        "listId": list_id,
        "metadata": {"campaign": "spring"},
        # Kept by whoever repeats the call, so that a lost answer doesn't make a second link.
        "idempotencyKey": str(uuid.uuid4()),
    }
    for _ in range(3):
        result = session.execute(GraphQLRequest(CREATE, variable_values={"input": call}))["createShortLink"]
        match result:
            case {"__typename": "CreateShortLinkSuccess"}:
                return result["shortUrl"]
            case {"retryable": True}:
                continue
            case {"__typename": "ProductNotEnabledError"}:
                raise Refused("This account may not make short links.")
            case {"__typename": "CodeTakenError"}:
                raise Refused("That code is taken. Try another.")
            # Every other member is a UserError as well, and so will be those of later versions.
            case {"code": code, "message": message, "path": path}:
                raise Refused(f"{code} at {'.'.join(path)}: {message}")
    raise Refused("No code was free. Try again later.")


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else "https://example.com/spring-sale"
    list_id = int(sys.argv[2]) if len(sys.argv) > 2 else 42
    transport = HTTPXTransport(
        url=os.environ["LINKHOP_URL"] + "/graphql",
        headers={"X-Api-Key": os.environ["LINKHOP_API_KEY"]},
        timeout=15,
    )
    # The client reads the schema first and checks the documents against it before anything is sent.
    with Client(transport=transport, fetch_schema_from_transport=True) as session:
        short_url = create(session, url, list_id)
        link = session.execute(GraphQLRequest(FIND, variable_values={"shortUrl": short_url}))["shortLink"]
    print(f"{link['shortUrl']} -> {link['destinationUrl']}")
    print(f"from list {link['sendingList']['listId']}, {link['status']}, made at {link['createdAt']}")


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(str(refusal))
    except TransportQueryError as error:
        first = error.errors[0]
        sys.exit(f"{first['extensions']['code']}: {first['message']}")
    except TransportError as error:
        sys.exit(f"no answer: {error}")
