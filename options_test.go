package trillian_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		trillian.DefaultBaseURL:                        "https://api.trillian.im/v1/",
		"https://im.example.com/v1":                    "https://im.example.com/v1/",
		"https://im.example.com":                       "https://im.example.com/",
		"https://im.example.com:8443/":                 "https://im.example.com:8443/",
		"https://api.trillian.im/v2/cerulean-inc.com/": "https://api.trillian.im/v2/cerulean-inc.com/",
		"https://proxy.example.com/a%2Fb/v1":           "https://proxy.example.com/a%2Fb/v1/",
		"HTTPS://IM.example.com/v1/":                   "https://IM.example.com/v1/",
		"http://localhost:8080/v1/":                    "http://localhost:8080/v1/",
		"http://127.0.0.2/":                            "http://127.0.0.2/",
		"http://[::1]:80/v1/":                          "http://[::1]:80/v1/",
	} {
		c, err := trillian.NewClient(token, trillian.WithBaseURL(base))
		require.NoError(t, err, base)
		require.Equal(t, want, c.BaseURL())
	}
}

func TestBaseURLIsRefused(t *testing.T) {
	t.Parallel()
	for base, reason := range map[string]string{
		"":                                     "is empty",
		"im.example.com:8443":                  "has no scheme",
		"im.example.com/v1/":                   "has no scheme",
		"//im.example.com/v1/":                 "has no scheme",
		"localhost:8080":                       "has no scheme",
		"ftp://im.example.com/":                "scheme",
		"https://smw:pass@im.example.com":      "user or password",
		"https://im.example.com/?token=S3CRET": "has a query",
		"https://im.example.com/?":             "has a query",
		"https://im.example.com/v1/#top":       "has a fragment",
		"https://im.example.com/v1/#":          "has a fragment",
		"https:///v1/":                         "has no host",
		"https://:8443/v1/":                    "has no host",
		"http://im.example.com/v1/":            "plain http",
		"http://localhost.example.com/":        "plain http",
		"https://im.example.com/a/../b/":       "dot segment",
		"https://im.example.com//v1/":          "empty segment",
		"https://im.example.com/ v1/":          "white space",
		"https://im.example.com/%zz/":          "is not a URL",
		"https://im.exam\nple.com/":            "white space",
		`https://im.example.com\v1\`:           "backslash",
	} {
		c, err := trillian.NewClient(token, trillian.WithBaseURL(base))
		require.Nil(t, c)
		var argument *trillian.ArgumentError
		require.ErrorAs(t, err, &argument, base)
		require.Equal(t, "base URL", argument.Name)
		require.Contains(t, argument.Reason, reason, base)
		require.NotContains(t, err.Error(), "S3CRET")
		require.NotContains(t, err.Error(), "pass@")
	}
	_, err := trillian.NewClient(token, trillian.WithBaseURL("http://im.example.com/v1/"), trillian.WithPlainHTTP())
	require.NoError(t, err)
}

func TestOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]trillian.Option{
		"HTTP client":           trillian.WithHTTPClient(nil),
		"middleware":            trillian.WithMiddleware(nil),
		"retry policy":          trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: -1}),
		"user agent":            trillian.WithUserAgent("a\r\nX: y"),
		"root CAs":              trillian.WithRootCAs(nil),
		"certificate pin":       trillian.WithCertificatePin("abc"),
		"timeout":               trillian.WithTimeout(-time.Second),
		"maximum response size": trillian.WithMaxResponseSize(-1),
	} {
		_, err := trillian.NewClient(token, opt)
		var argument *trillian.ArgumentError
		require.ErrorAs(t, err, &argument, name)
		require.Equal(t, name, argument.Name)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
	}
	_, err := trillian.NewClient(token, trillian.WithMiddleware(func(http.RoundTripper) http.RoundTripper { return nil }))
	require.ErrorIs(t, err, trillian.ErrInvalidArgument)
	_, err = trillian.NewClient(token, trillian.WithHTTPClient(&http.Client{Transport: httpmock.NewMockTransport()}), trillian.WithRootCAs(x509.NewCertPool()))
	require.ErrorContains(t, err, "httpmock.MockTransport")
	_, err = trillian.NewClient(token, nil)
	require.NoError(t, err, "a nil option is none")
}

func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	client, err := trillian.NewClient(token)
	require.NoError(t, err)
	for _, bad := range []string{"", " ", "S3CRET\n", " S3CRET", "S3\x00CRET"} {
		_, err := trillian.NewClient(bad)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", bad)
		require.NotContains(t, err.Error(), "CRET")
		_, err = client.WithToken(bad)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", bad)
	}
}

// withoutEnv is an environment that says nothing of a server, whatever the developer's
// own does.
func withoutEnv(t *testing.T) {
	t.Helper()
	for _, name := range []string{"TOKEN", "TOKEN_FILE", "BASE_URL", "CA_FILE", "CERTIFICATE_PIN", "PLAIN_HTTP"} {
		t.Setenv("TRILLIAN_"+name, "")
	}
}

func TestNewClientFromEnv(t *testing.T) {
	withoutEnv(t)
	_, err := trillian.NewClientFromEnv()
	require.ErrorContains(t, err, "TRILLIAN_TOKEN")

	server := servertest.New(t, 200, "<response/>")
	t.Setenv("TRILLIAN_TOKEN", token)
	t.Setenv("TRILLIAN_BASE_URL", server.URL+"/v2/cerulean-inc.com")
	client, err := trillian.NewClientFromEnv()
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	_, err = client.Users.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/v2/cerulean-inc.com/users/", server.Only(t).Path)
	require.Equal(t, []string{token}, server.Only(t).Token)

	client, err = trillian.NewClientFromEnv(trillian.WithBaseURL("https://other.example.com"))
	require.NoError(t, err)
	require.Equal(t, "https://other.example.com/", client.BaseURL(), "options come after the environment")

	t.Setenv("TRILLIAN_BASE_URL", "")
	client, err = trillian.NewClientFromEnv()
	require.NoError(t, err)
	require.Equal(t, trillian.DefaultBaseURL, client.BaseURL())
}

func TestNewClientFromEnvFiles(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") != token {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, "<response/>")
	}))
	t.Cleanup(secure.Close)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	withoutEnv(t)
	t.Setenv("TRILLIAN_TOKEN_FILE", file("token", "\ufeff"+token+"\r\n")) // as Windows writes it
	t.Setenv("TRILLIAN_BASE_URL", secure.URL+"/v1/")
	t.Setenv("TRILLIAN_CA_FILE", file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))))
	client, err := trillian.NewClientFromEnv()
	require.NoError(t, err)
	require.NoError(t, client.Do(t.Context(), "GET", "users/", nil, io.Discard))
	client.CloseIdleConnections()

	t.Setenv("TRILLIAN_CA_FILE", "")
	sum := sha256.Sum256(secure.Certificate().Raw)
	t.Setenv("TRILLIAN_CERTIFICATE_PIN", hex.EncodeToString(sum[:]))
	client, err = trillian.NewClientFromEnv()
	require.NoError(t, err)
	require.NoError(t, client.Do(t.Context(), "GET", "users/", nil, io.Discard))
	client.CloseIdleConnections()

	for name, refused := range map[string]map[string]string{
		"is given twice":     {"TRILLIAN_TOKEN": token},
		"cannot be read":     {"TRILLIAN_TOKEN_FILE": filepath.Join(dir, "S3CRET")},
		"is empty":           {"TRILLIAN_TOKEN_FILE": file("empty", "\n")},
		"white space":        {"TRILLIAN_TOKEN_FILE": file("two", token+"\n\n")},
		"has no certificate": {"TRILLIAN_CA_FILE": file("none.pem", "S3CRET")},
		"fingerprint":        {"TRILLIAN_CERTIFICATE_PIN": "12"},
		"neither 1 nor 0":    {"TRILLIAN_PLAIN_HTTP": "yes"},
		"plain http":         {"TRILLIAN_BASE_URL": "http://im.test/v1/"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range refused {
				t.Setenv(key, value)
			}
			_, err := trillian.NewClientFromEnv()
			require.ErrorIs(t, err, trillian.ErrInvalidArgument)
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "S3CRET")
		})
	}
	t.Setenv("TRILLIAN_BASE_URL", "http://im.test/v1/")
	t.Setenv("TRILLIAN_PLAIN_HTTP", "1")
	_, err = trillian.NewClientFromEnv()
	require.NoError(t, err)
}

// TestWithToken shows two identities over one connection.
func TestWithToken(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "<response/>")
	admin := newClient(t, server.URL, trillian.WithUserAgent("tool/1"))
	sender, err := admin.WithToken("the sender's own")
	require.NoError(t, err)
	for _, c := range []*trillian.Client{admin, sender, admin} {
		_, err := c.Users.List(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{token}, server.Seen[0].Token)
	require.Equal(t, []string{"the sender's own"}, server.Seen[1].Token)
	require.Equal(t, []string{token}, server.Seen[2].Token)
	require.Equal(t, "tool/1", server.Seen[1].Header.Get("User-Agent"), "options are kept")
}

// TestMiddleware shows the order, and that what it sees has no token.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "<response/>")
	var order []string
	note := func(name string) trillian.Option {
		return trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				order = append(order, name)
				require.NotContains(t, r.URL.String(), "token")
				r = r.Clone(r.Context())
				r.Header.Add("X-Order", name)
				resp, err := next.RoundTrip(r)
				require.NotContains(t, resp.Request.URL.String(), "token")
				return resp, err
			})
		})
	}
	_, err := newClient(t, server.URL, note("outer"), note("inner")).Groups.List(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"outer", "inner"}, order)
	require.Equal(t, []string{"outer", "inner"}, server.Only(t).Header["X-Order"])
	require.Equal(t, []string{token}, server.Only(t).Token)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTokenStaysAtHome shows a middleware that sends a request elsewhere.
func TestTokenStaysAtHome(t *testing.T) {
	t.Parallel()
	home, elsewhere := servertest.New(t, 200, "<response/>"), servertest.New(t, 200, "<response/>")
	away := trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Host = strings.TrimPrefix(elsewhere.URL, "http://")
			return next.RoundTrip(r)
		})
	})
	_, err := newClient(t, home.URL, away).Groups.List(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, elsewhere.Only(t).Token)
	require.Zero(t, home.Count())

	// The same host by another scheme is elsewhere, too: http shows the token to all.
	inTheClear := trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Scheme = "http"
			return next.RoundTrip(r)
		})
	})
	_, err = newClient(t, strings.Replace(home.URL, "http:", "https:", 1), inTheClear).Groups.List(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, home.Only(t).Token)
}

// TestHTTPMock is how a program with httpmock in its tests uses the client.
func TestHTTPMock(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponderWithQuery(http.MethodGet, "https://api.trillian.im/v1/policies/1/", url.Values{"token": {token}},
		httpmock.NewStringResponder(200, sample(t, "policies-get")))
	client, err := trillian.NewClient(token, trillian.WithHTTPClient(&http.Client{Transport: mock}))
	require.NoError(t, err)
	policy, err := client.Policies.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, policy1, policy.Data)
	require.Equal(t, 1, mock.GetTotalCallCount())
}

func FuzzBaseURL(f *testing.F) {
	for _, seed := range []string{
		trillian.DefaultBaseURL, "im.example.com:8443", "https://a/b?c#d", "http://[::1]/", "https://u:p@h/", "https://h/%2e%2e/", "https://h//",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, base string) {
		c, err := trillian.NewClient(token, trillian.WithBaseURL(base))
		if err != nil {
			require.ErrorIs(t, err, trillian.ErrInvalidArgument)
			return
		}
		u, err := url.Parse(c.BaseURL())
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(u.Path, "/"))
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		require.Empty(t, u.RawQuery)
		require.Contains(t, []string{"http", "https"}, u.Scheme)
		again, err := trillian.NewClient(token, trillian.WithBaseURL(c.BaseURL()))
		require.NoError(t, err)
		require.Equal(t, c.BaseURL(), again.BaseURL())
	})
}

// TestLogger has every way of calling logged once, a download too.
func TestLogger(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "<response/>")
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := newClient(t, server.URL, trillian.WithLogger(log))
	_, err := client.Groups.List(t.Context(), nil)
	require.NoError(t, err)
	_, err = client.Users.Media.Download(t.Context(), smw, item, io.Discard)
	require.NoError(t, err)
	_, err = client.Groups.Get(t.Context(), 7, nil)
	require.Error(t, err)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[0], "method=GET path=groups/ attempts=1")
	require.Contains(t, lines[1], "path=users/smw%40cerulean-inc.com/media/")
	require.Contains(t, lines[2], "error=")
}

// TestLoggerOfRepetitions has a warning with the keys of a call's record.
func TestLoggerOfRepetitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(httpmock.NewStringResponder(429, "").HeaderSet(http.Header{"Retry-After": {"3"}}).
			Then(httpmock.NewStringResponder(200, "<response/>")))
		client, err := trillian.NewClient(token, trillian.WithHTTPClient(&http.Client{Transport: mock}),
			trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: 1, MaxWait: 1}), trillian.WithLogger(slog.New(slog.NewJSONHandler(&out, nil))))
		require.NoError(t, err)
		_, err = client.Users.List(t.Context())
		require.NoError(t, err)
		var record map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &record))
		require.InDelta(t, 3*time.Second, record["wait"], 1)
		delete(record, "time")
		delete(record, "wait")
		require.Equal(t, map[string]any{
			"level": "WARN", "msg": "trillian: asking again", "operation": "Users.List", "method": "GET", "path": "users/",
			"attempts": 1.0, "reason": "429 Too Many Requests",
		}, record)
	})
}
