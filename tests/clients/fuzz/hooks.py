"""What schemathesis can't know: the values of the scalar JSON."""

import schemathesis
from graphql import NameNode, ObjectFieldNode
from hypothesis import strategies as st
from schemathesis.graphql import nodes

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
