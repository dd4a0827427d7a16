package people_test

import (
	"encoding/csv"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/people"
	"github.com/trillian-go/trillian/trilliantest"
)

func TestResults(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	path := filepath.Join(t.TempDir(), "results.csv")
	rows := read(t, "address,chats\ndora@example.com,General\nemil@example.com,\n")
	srv.Inject("POST /users/", trilliantest.Status(http.StatusForbidden)).After(1)

	journal := open(t, path, false)
	_, err := people.OpenResults(path, false)
	require.ErrorIs(t, err, os.ErrExist, "it may have passwords in it")
	p := plan(t, client, rows, people.Options{})
	results, err := people.Apply(t.Context(), client, p, journal, people.Options{})
	require.NoError(t, err)
	require.NoError(t, journal.Finish())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	first := lines(t, path)
	require.Equal(t, [][]string{
		{"line", "address", "action", "chat", "outcome", "password", "error"},
		{"2", "dora@example.com", "create", "", "done", string(results[0].Password), ""},
		{"2", "dora@example.com", "join", general, "done", "", ""},
		{"3", "emil@example.com", "create", "", "failed", string(results[2].Password), "trillian: POST users/: 403 Forbidden"},
	}, first)

	journal = open(t, path, true)
	p = plan(t, client, rows, people.Options{})
	journal.SettleEarlier(p)
	_, err = people.Apply(t.Context(), client, p, journal, people.Options{})
	require.NoError(t, err)
	require.NoError(t, journal.Finish())
	first[3] = []string{"3", "emil@example.com", "create", "", "done", string(results[2].Password), ""}
	require.Equal(t, first, lines(t, path), "what was done stays, and so does the password that may have been sent")
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left behind")
}

func lines(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	return all
}

// A run that is killed leaves its journal.
func TestResultsOfAKilledRun(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	path := filepath.Join(t.TempDir(), "results.csv")
	const journal = `line,address,action,chat,outcome,password,error
2,dora@example.com,create,,sending,DORA-1,
2,dora@example.com,create,,done,DORA-1,
3,emil@example.com,create,,sending,EMIL-1,
4,fritz@example.com,create,,sending,FRITZ-1,
4,fritz@example.com,cre`
	require.NoError(t, os.WriteFile(path, []byte(journal), 0o600))
	srv.Fill(trilliantest.WithUsers(trillian.User{Name: "dora@example.com"}, trillian.User{Name: "emil@example.com"}))

	p := plan(t, client, read(t, "address\ndora@example.com\nemil@example.com\nfritz@example.com\n"), people.Options{})
	results := open(t, path, true)
	results.SettleEarlier(p)
	_, err := people.Apply(t.Context(), client, p, results, people.Options{})
	require.NoError(t, err)
	require.NoError(t, results.Finish())
	require.Equal(t, [][]string{
		{"2", "dora@example.com", "create", "", "done", "DORA-1", ""},
		{"3", "emil@example.com", "create", "", "done", "EMIL-1", ""},
		{"4", "fritz@example.com", "create", "", "done", "FRITZ-1", ""},
	}, lines(t, path)[1:])
}

// A password is in the file before the server has it.
func TestPasswordsAreWrittenFirst(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "results.csv")
	srv := office(t)
	seen := 0
	client := srv.Client(trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				seen++
				written := lines(t, path)
				last := written[len(written)-1]
				require.Equal(t, []string{"2", "dora@example.com", "create", "", "sending"}, last[:5])
				require.NotEmpty(t, last[5])
			}
			return next.RoundTrip(r)
		})
	}))
	p := plan(t, client, read(t, "address\ndora@example.com\n"), people.Options{})
	_, err := people.Apply(t.Context(), client, p, open(t, path, false), people.Options{})
	require.NoError(t, err)
	require.Equal(t, 1, seen)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestResultsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode os.FileMode
		text string
		want string
	}{
		"readable by others":   {0o644, "line,address,action,chat,outcome,password,error\n", "may be read by others (mode 0644)"},
		"another file":         {0o600, "address,email\n", "is no results file"},
		"broken in the middle": {0o600, "line,address,action,chat,outcome,password,error\n2,a@b\n3,c@d,create,,done,,\n", "is broken in the middle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "results.csv")
			require.NoError(t, os.WriteFile(path, []byte(test.text), test.mode))
			_, err := people.OpenResults(path, true)
			require.ErrorContains(t, err, test.want)
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, test.text, string(left))
		})
	}
}

func TestSpreadsheetsDoNotCalculateResults(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	srv.Inject("POST /users/", trilliantest.Status(403), trilliantest.Body("application/xml", "<response><error>no</error></response>"))
	path := filepath.Join(t.TempDir(), "results.csv")
	p := plan(t, client, read(t, "address\n=cmd@example.com\n"), people.Options{})
	journal := open(t, path, false)
	_, err := people.Apply(t.Context(), client, p, journal, people.Options{})
	require.NoError(t, err)
	require.NoError(t, journal.Finish())
	require.Equal(t, "'=cmd@example.com", lines(t, path)[1][1])
	journal = open(t, path, true)
	journal.SettleEarlier(p)
	require.NoError(t, journal.Finish())
	require.Equal(t, "'=cmd@example.com", lines(t, path)[1][1])
}
