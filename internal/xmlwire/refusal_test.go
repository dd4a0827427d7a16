package xmlwire

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	type child struct {
		Name  string            `xml:"name,attr"`
		Error string            `xml:"error"`
		Rest  map[string]string `xml:",any"`
	}
	for document, want := range map[string]string{
		"<response><error>no license left</error></response>":                       "no license left",
		"<response> <error/> </response>":                                           "",
		"<response><a name='1'/><x:error> a &lt; b </x:error></response>":           "a < b",
		"<response><error code='5'><say>no</say> license</error><a/></response>":    "license; code: 5; say: no",
		"<response><error><code>5</code><say>no license</say></error></response>":   "code: 5; say: no license",
		"<response><b><c/></b><error><![CDATA[<no>]]><!-- x --></error></response>": "<no>",
	} {
		_, collected := Collect[child](strings.NewReader(document), "a", -1)
		decoded := Decode(iotest.OneByteReader(strings.NewReader(document)), &struct{}{})
		var streamed error
		for _, err := range Items[child](strings.NewReader(document), "b>c") {
			streamed = err
		}
		for _, err := range []error{collected, decoded, streamed} {
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal, document)
			require.Equal(t, want, refusal.Text, document)
		}
	}
	items, err := Collect[child](strings.NewReader("<response><a><error>5</error></a><b><error/></b></response>"), "a", -1)
	require.NoError(t, err, "only what stands below the root")
	require.Equal(t, []child{{Error: "5"}}, items)
	var own child
	require.NoError(t, Decode(strings.NewReader("<response><error>5</error></response>"), &own))
	require.Equal(t, child{Error: "5"}, own, "who asks for it gets it")
}
