package main

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func TestEdit(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("PATCH /policies/{policy}/", trilliantest.DropAfter()) // saved, and the response is lost
	client := server.Client()
	var out bytes.Buffer
	require.NoError(t, edit(t.Context(), client, 2, "trillian.history.cloud", "0", &out))
	require.NoError(t, edit(t.Context(), client, 2, "trillian.plugin.irc", "0", &out))
	require.NoError(t, edit(t.Context(), client, 2, "trillian.plugin.irc", "0", &out))
	require.Equal(t, `IT: trillian.history.cloud "1" -> "0"
IT: trillian.plugin.irc (default) -> "0"
IT has it already
`, out.String())
	require.Len(t, server.RequestsTo("PATCH /policies/{policy}/"), 2)
	policy, err := client.Policies.Get(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, trillian.PolicyData("trillian.history.cloud 0\ntrillian.history.disclaimer.frequency 1440\n"+
		"trillian.settings.contacts.groups server\ntrillian.plugin.irc 0\n"), policy.Data)

	require.ErrorIs(t, edit(t.Context(), client, 2, "two words", "0", &out), trillian.ErrInvalidArgument)
	require.ErrorIs(t, edit(t.Context(), client, 9, "a", "0", &out), trillian.ErrNotFound)
}

// TestEditOfTwo has somebody else be faster.
func TestEditOfTwo(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	reads := 0
	other := trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if reads++; reads == 2 {
				server.Fill(trilliantest.WithPolicies(trillian.Policy{ID: 2, Name: "IT", Data: "theirs 1\n"}))
			}
			return next.RoundTrip(r)
		})
	})
	err := edit(t.Context(), server.Client(other), 2, "trillian.history.cloud", "0", &bytes.Buffer{})
	require.ErrorIs(t, err, errChanged)
	require.Empty(t, server.RequestsTo("PATCH /policies/{policy}/"))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
