package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const people = "\ufeff" + `im,email,password,chats

ann@cerulean-inc.com,ann@example.com,correct horse,General;Development
bob@cerulean-inc.com,bob@example.com,battery staple,Nowhere
cleo@cerulean-inc.com,cleo@example.com,"a ""quoted"" one",
`

func TestOnboard(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("POST /users/", trilliantest.DropAfter()) // carried out, and the response is lost
	client := server.Client()
	var out bytes.Buffer
	err := onboard(t.Context(), client, strings.NewReader(people), &out)
	require.EqualError(t, err, `line 4: bob@cerulean-inc.com: there are 0 group chats "Nowhere"`)
	require.Equal(t, "welcome, ann@cerulean-inc.com\nwelcome, cleo@cerulean-inc.com\n", out.String())
	require.Len(t, server.RequestsTo("POST /users/"), 3, "nobody is created twice")

	chats, err := client.GroupChats.List(t.Context(), &trillian.GroupChatOptions{Members: true})
	require.NoError(t, err)
	require.Contains(t, chats[0].Members.Items, trillian.Member{Name: "ann@cerulean-inc.com"})

	require.Error(t, onboard(t.Context(), client, strings.NewReader(people), &out))
	require.Len(t, server.RequestsTo("POST /users/"), 3, "and not when it is run again")
	require.Len(t, server.RequestsTo("POST /groupchats/{groupchat}/{member}/"), 2, "nor made a member again: what becomes of the flags is not documented")
}

// Of two group chats with one name, who knows which is meant?
func TestOnboardToOneOfTwo(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithGroupChats(trillian.GroupChat{DisplayName: "General"}))
	var out bytes.Buffer
	err := onboard(t.Context(), server.Client(), strings.NewReader(people), &out)
	require.ErrorContains(t, err, `line 3: ann@cerulean-inc.com: there are 2 group chats "General"`)
	require.Equal(t, "welcome, cleo@cerulean-inc.com\n", out.String())
	require.Empty(t, server.RequestsTo("POST /groupchats/{groupchat}/{member}/"))
}

func TestOnboardRefuses(t *testing.T) {
	t.Parallel()
	client := trilliantest.NewServer(t).Client()
	for text, want := range map[string]string{
		"": "the first line must be", "name\nann\n": "the first line must be", "im,email,password,chats\na,b\n": "wrong number of fields",
	} {
		require.ErrorContains(t, onboard(t.Context(), client, strings.NewReader(text), &bytes.Buffer{}), want)
	}
}
