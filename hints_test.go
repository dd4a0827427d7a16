package trillian_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

const notFound = "<response> <error>not found</error></response>"

// TestHints makes the likeliest first mistakes.
func TestHints(t *testing.T) {
	t.Parallel()
	const plainToken = "AVS/w8J7UELk4Q9pB5iz66p9J8WTbNZprvYO/7wOUekj9JfiMjs3A46q"
	for name, c := range map[string]struct {
		status int
		body   string
		token  string // "": one that is as it should be
		path   string // of the base URL
		call   func(*testing.T, *trillian.Client) error
		hint   string // "": none
	}{
		"a token as curl shows it":        {401, "", url.QueryEscape(plainToken), "/v1/", nil, "percent-encoded"},
		"a token that is wrong otherwise": {401, "", plainToken, "/v1/", nil, ""},
		"a base URL without a version":    {404, "<html>nothing here</html>", "", "/", nil, "/v1/"},
		"a base URL with one":             {404, "<html>nothing here</html>", "", "/api/v2/x/", nil, ""},
		"the API says that it is not":     {404, notFound, "", "/", nil, ""},
		"a display name": {404, notFound, "", "/v1/", func(t *testing.T, c *trillian.Client) error {
			_, err := c.GroupChats.Get(t.Context(), "General", nil)
			return err
		}, `begins with "#"`},
		"a name": {404, notFound, "", "/v1/", func(t *testing.T, c *trillian.Client) error {
			_, err := c.GroupChats.Get(t.Context(), "#General", nil)
			return err
		}, ""},
		"a media item behind a proxy": {404, "<html>", "", "/v1/", func(t *testing.T, c *trillian.Client) error {
			_, err := c.Users.Media.Stat(t.Context(), smw, "a/b=")
			return err
		}, "%2F"},
		"http where TLS is expected": {400, "<h1>The plain HTTP request was sent to HTTPS port</h1>", "", "/v1/", nil, "use https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servertest.New(t, c.status, c.body)
			own := c.token
			if own == "" {
				own = plainToken
			}
			client, err := trillian.NewClient(own, trillian.WithBaseURL(server.URL+c.path), once)
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			if c.call == nil {
				_, err = client.Users.List(t.Context())
			} else {
				err = c.call(t, client)
			}
			require.Error(t, err)
			require.NotContains(t, err.Error(), own)
			_, hint, _ := strings.Cut(err.Error(), "; ")
			if c.hint == "" {
				require.Empty(t, hint)
			} else {
				require.Contains(t, hint, c.hint)
			}
		})
	}
}

func TestHintsOfTLS(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	sum := sha256.Sum256(secure.Certificate().Raw)
	_, err := newClient(t, secure.URL).Users.List(t.Context())
	require.ErrorContains(t, err, hex.EncodeToString(sum[:]))
	require.ErrorContains(t, err, "WithCertificatePin")

	plain := servertest.New(t, 200, "<response/>")
	_, err = newClient(t, strings.Replace(plain.URL, "http:", "https:", 1)).Users.List(t.Context())
	require.ErrorContains(t, err, "does not speak TLS at this port")

	_, err = newClient(t, secure.URL, trillian.WithCertificatePin(strings.Repeat("00", 32))).Users.List(t.Context())
	var pin *trillian.PinError
	require.ErrorAs(t, err, &pin)
	require.Equal(t, hex.EncodeToString(sum[:]), pin.Fingerprint)

	_, err = trillian.NewClient(token, trillian.WithBaseURL("https://im.test/v1/users/"))
	require.ErrorContains(t, err, "ends in a resource")
}
