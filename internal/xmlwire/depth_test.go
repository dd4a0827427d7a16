package xmlwire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDepthInNumbers holds the limit itself, with <response> among the elements,
// whether they are read into something, skipped, or the leaf is.
func TestDepthInNumbers(t *testing.T) {
	t.Parallel()
	type nested struct {
		N    *nested `xml:"n"`
		Leaf string  `xml:"leaf"`
	}
	for name, inner := range map[string]string{"a field": "<leaf>x</leaf>", "skipped": "<other>x</other>", "empty": "<leaf/>"} {
		for _, outer := range []string{"n", "skipped"} {
			document := func(elements int) string {
				return "<response>" + strings.Repeat("<"+outer+">", elements-2) + inner + strings.Repeat("</"+outer+">", elements-2) + "</response>"
			}
			require.NoError(t, Decode(strings.NewReader(document(128)), &nested{}), "%s in %s", name, outer)
			require.ErrorContains(t, Decode(strings.NewReader(document(129)), &nested{}), "too deeply", "%s in %s", name, outer)
		}
	}
}
