package trillian_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
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

// exchange is one request as a server received it.
type exchange struct {
	Method, Path, Query string
	Token               []string
	Form                url.Values
	Header              http.Header
}

// recorder answers every request in the same way and remembers what it saw.
type recorder struct {
	*httptest.Server
	status int
	header http.Header
	answer string

	mu   sync.Mutex
	seen []exchange
}

func newRecorder(t testing.TB, status int, answer string) *recorder {
	t.Helper()
	r := &recorder{status: status, answer: answer, header: http.Header{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(body))
	query := req.URL.Query()
	seen := exchange{
		Method: req.Method, Path: req.URL.EscapedPath(), Token: query["token"], Form: form, Header: req.Header,
	}
	query.Del("token")
	seen.Query = query.Encode()
	r.mu.Lock()
	r.seen = append(r.seen, seen)
	r.mu.Unlock()
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.answer)
}

// only returns the one request that arrived.
func (r *recorder) only(t testing.TB) exchange {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.seen, 1, "requests that arrived")
	return r.seen[0]
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// newClient returns a client of the server's /v1/.
func newClient(t testing.TB, base string, opts ...trillian.Option) *trillian.Client {
	t.Helper()
	c, err := trillian.NewClient(token, append([]trillian.Option{trillian.WithBaseURL(base + "/v1/")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}
