"""What schemathesis can't know: values of the scalar JSON, and which arguments go together."""

import zlib
from dataclasses import replace

import schemathesis
from graphql import NameNode, ObjectFieldNode, print_ast
from hypothesis import strategies as st
from schemathesis.graphql import nodes

# The faults of the server itself; every other code says what the caller can do about it.
FAULTS = {"INTERNAL", "TIMEOUT"}


@schemathesis.check
def no_fault_of_the_server(context, response, case):  # pylint: disable=unused-argument
    """Whatever is asked, the server is not at fault, and says by a code what is wrong."""
    assert response.status_code < 500, response.status_code
    for error in response.json().get("errors") or []:
        code = error.get("extensions", {}).get("code")
        assert code and code not in FAULTS, error


text = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)
leaves = st.one_of(
    st.just(nodes.Null),
    st.booleans().map(nodes.Boolean),
    st.integers().map(nodes.Int),
    st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float),
    text.map(nodes.String),
)


def fields(values):
    """An object literal of these values."""
    return nodes.Object(
        [ObjectFieldNode(name=NameNode(value=name), value=value) for name, value in values.items()]
    )


names = st.from_regex(r"\A[_A-Za-z][_0-9A-Za-z]{0,8}\Z")
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(nodes.List),
        st.dictionaries(names, inner, max_size=4).map(fields),
    ),
)
# Half of them objects, which is what most fields want.
schemathesis.graphql.scalar("JSON", st.one_of(values, st.dictionaries(names, values, max_size=4).map(fields)))


@schemathesis.hook
def map_body(context, body):
    """Pages a list one way, forwards or backwards, two times in three: both ways at once is always refused."""
    def one_way(field):
        drawn = zlib.crc32(print_ast(field).encode("utf-8", "surrogatepass")) % 3
        other = [{"last", "before"}, {"first", "after"}, set()][drawn]
        return replace(field, arguments=tuple(it for it in field.arguments if it.name.value not in other))

    def all_of(operation):
        fields = tuple(one_way(field) for field in operation.selection_set.selections)
        return replace(operation, selection_set=replace(operation.selection_set, selections=fields))

    return replace(body, definitions=tuple(all_of(operation) for operation in body.definitions))
