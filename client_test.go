package trillian_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// token has every character that an escaping can get wrong.
const token = "AVS/w8J7+UELk4=Q9%pB5 iz&66p=="

// sample returns an answer as the reference prints it.
func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".xml")
	require.NoError(t, err)
	return string(b)
}

// newClient returns a client of the server's /v1/.
func newClient(t testing.TB, base string, opts ...trillian.Option) *trillian.Client {
	t.Helper()
	c, err := trillian.NewClient(token, append([]trillian.Option{trillian.WithBaseURL(base + "/v1/")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}
