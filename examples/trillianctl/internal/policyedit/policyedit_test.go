package policyedit_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/policyedit"
	"github.com/trillian-go/trillian/trilliantest"
)

const old = trillian.PolicyData("trillian.history.cloud 1\n\nodd line\ntrillian.filetransfer server")

func server(t *testing.T) (*trilliantest.Server, *trillian.Client, trillian.Policy) {
	srv := trilliantest.NewServer(t, trilliantest.WithPolicies(trillian.Policy{ID: 7, Name: "IT", Data: old}))
	client := srv.Client()
	policy, err := client.Policies.Get(t.Context(), 7)
	require.NoError(t, err)
	return srv, client, *policy
}

func TestWrite(t *testing.T) {
	t.Parallel()
	srv, client, policy := server(t)
	data := policyedit.Apply(old, []policyedit.Change{{Key: "trillian.history.cloud", Value: "0"}, {Key: "trillian.filetransfer", Unset: true}})
	require.Equal(t, trillian.PolicyData("trillian.history.cloud 0\n\nodd line\n"), data)
	require.NoError(t, policyedit.Write(t.Context(), client.Policies, policy, data))
	require.NoError(t, policyedit.Write(t.Context(), client.Policies, policy, data), "it is there already")
	require.Len(t, srv.RequestsTo("PATCH /policies/7/"), 1)
	now, err := client.Policies.Get(t.Context(), 7)
	require.NoError(t, err)
	require.Equal(t, data, now.Data)
}

func TestWriteOverSomebodyElses(t *testing.T) {
	t.Parallel()
	srv, client, policy := server(t)
	srv.Fill(trilliantest.WithPolicies(trillian.Policy{ID: 7, Name: "IT", Data: old.With("trillian.media", "0")}))
	err := policyedit.Write(t.Context(), client.Policies, policy, old.With("trillian.history.cloud", "0"))
	require.ErrorIs(t, err, policyedit.ErrChanged)
	var conflict *policyedit.Conflict
	require.ErrorAs(t, err, &conflict)
	require.Len(t, conflict.Theirs, 1)
	require.Equal(t, "trillian.media", conflict.Theirs[0].Key)
	require.Equal(t, "0", *conflict.Theirs[0].New)
	require.Empty(t, srv.RequestsTo("PATCH /policies/7/"))
}

func TestWriteOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault trilliantest.Fault
		done  bool
	}{"carried out": {trilliantest.DropAfter(), true}, "not carried out": {trilliantest.DropBefore(), false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client, policy := server(t)
			srv.Inject("PATCH /policies/7/", test.fault)
			err := policyedit.Write(t.Context(), client.Policies, policy, old.With("a", "1"))
			if test.done {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "it was not done when looked for")
				require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
			}
			require.Len(t, srv.RequestsTo("PATCH /policies/7/"), 1, "it is not repeated")
		})
	}
}

// An interrupt comes while the update is under way.
func TestWriteInterrupted(t *testing.T) {
	t.Parallel()
	srv, _, policy := server(t)
	ctx, cancel := context.WithCancel(t.Context())
	client := srv.Client(trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(r)
			if r.Method == http.MethodPatch {
				cancel()
			}
			return resp, err
		})
	}))
	require.NoError(t, policyedit.Write(ctx, client.Policies, policy, old.With("a", "1")), "it was looked for all the same")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWriteOfWhatCannotBeAnItem(t *testing.T) {
	t.Parallel()
	srv, client, policy := server(t)
	before := len(srv.Requests())
	data := policyedit.Apply(old, []policyedit.Change{{Key: "two words", Value: "1"}})
	require.ErrorIs(t, policyedit.Write(t.Context(), client.Policies, policy, data), trillian.ErrInvalidArgument)
	require.Len(t, srv.Requests(), before)
}

func TestDraft(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the editors of this test are a shell's")
	}
	for name, test := range map[string]struct {
		editor string
		want   trillian.PolicyData
	}{
		"nothing changed":         {"true", old},
		"touched":                 {"touch", old},
		"an item added":           {"sh -c 'echo added 1 >> \"$0\"'", old + "\nadded 1\n"},
		"arguments, and a string": {"printf 'a 1\\n' >", "a 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			draft, err := policyedit.NewDraft(old)
			require.NoError(t, err)
			info, err := os.Stat(draft.Path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			got, err := draft.Edit(policyedit.Editor{Command: test.editor})
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			draft.Remove()
			_, err = os.Stat(draft.Path)
			require.ErrorIs(t, err, os.ErrNotExist)
		})
	}
	draft, err := policyedit.NewDraft(old)
	require.NoError(t, err)
	defer draft.Remove()
	_, err = draft.Edit(policyedit.Editor{Command: "exit 3;"})
	require.ErrorContains(t, err, "the editor failed: exit status 3")
	text, err := os.ReadFile(draft.Path)
	require.NoError(t, err)
	require.Equal(t, string(old)+"\n", string(text), "the file stays")
	_, err = draft.Edit(policyedit.Editor{Command: filepath.Join(t.TempDir(), "no-such-editor")})
	require.ErrorContains(t, err, "the editor failed")
}

func TestPrinter(t *testing.T) {
	t.Parallel()
	changes := []trillian.PolicyChange{{Key: "a", Old: new("1"), New: new("2\x1b[2J")}, {Key: "b", Old: new("")}, {Key: "c", New: new("3")}}
	show := func(s string) string { return strings.ReplaceAll(s, "\x1b", "ESC") }
	var plain, colored strings.Builder
	require.NoError(t, policyedit.Printer{Writer: &plain, Show: show}.Diff("old", "new", changes))
	require.Equal(t, "--- old\n+++ new\n-a 1\n+a 2ESC[2J\n-b\n+c 3\n", plain.String())
	require.NoError(t, policyedit.Printer{Writer: &colored, Show: show, Color: true}.Diff("old", "new", changes))
	require.Equal(t, "\x1b[1m--- old\x1b[0m\n\x1b[1m+++ new\x1b[0m\n\x1b[31m-a 1\x1b[0m\n\x1b[32m+a 2ESC[2J\x1b[0m\n\x1b[31m-b\x1b[0m\n\x1b[32m+c 3\x1b[0m\n", colored.String())
}
