package xmlwire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// nest holds what no field takes, and may be within itself.
type nest struct {
	P    *nest             `xml:"p"`
	Rest map[string]string `xml:",any"`
}

// TestLeftoversOfOneElementOnly holds that names do not depend on what was decoded
// into the same value, or one from the pool, before.
func TestLeftoversOfOneElementOnly(t *testing.T) {
	t.Parallel()
	for range 3 {
		many := decode[nest](t, `<response><p><u>1</u><p><u>1</u><u>1</u><u>1</u><u>1</u></p></p><p><u>2</u></p></response>`)
		require.Equal(t, map[string]string{"u": "1", "u[2]": "2"}, many.P.Rest)
		require.Equal(t, map[string]string{"u": "1", "u[2]": "1", "u[3]": "1", "u[4]": "1"}, many.P.P.Rest)
		two := decode[nest](t, `<response><p><u>1</u></p><p><u>2</u></p></response>`)
		require.Equal(t, map[string]string{"u": "1", "u[2]": "2"}, two.P.Rest)
	}
}
