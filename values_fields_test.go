package trillian_test

import (
	"context"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// TestNothingIsDropped answers with attributes and children that no struct has a
// field for.
func TestNothingIsDropped(t *testing.T) {
	t.Parallel()
	const more = ` x:new="1"><later><at>2</at></later>`
	rest := map[string]string{"new": "1", "later/at": "2"}
	for answer, c := range map[string]struct {
		call func(context.Context, *trillian.Client) (any, error)
		want any
	}{
		`<groupchat name="#a"` + more + `<members><member name="m"` + more + `</member></members><groups href="h"/></groupchat>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) { return c.GroupChats.List(ctx, nil) },
			[]trillian.GroupChat{{
				Name: "#a", Fields: rest, Groups: trillian.Collection[trillian.Group]{Href: "h"},
				Members: trillian.Collection[trillian.Member]{Items: []trillian.Member{{Name: "m", Fields: rest}}},
			}},
		},
		`<members><member name="m"` + more + `</member><member name="n"/></members>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.GroupChats.Members.List(ctx, general)
			},
			[]trillian.Member{{Name: "m", Fields: rest}, {Name: "n"}},
		},
		`<group id="1"` + more + `<peers><peer id="2"` + more + `</peer></peers></group>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) { return c.Groups.Get(ctx, 1, nil) },
			&trillian.Group{ID: 1, Fields: rest, Peers: trillian.Collection[trillian.Peer]{Items: []trillian.Peer{{ID: 2, Fields: rest}}}},
		},
		`<peers><peer id="2"` + more + `</peer></peers>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) { return c.Groups.Peers.List(ctx, 1) },
			[]trillian.Peer{{ID: 2, Fields: rest}},
		},
		`<policy id="1"` + more + `</policy>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) { return c.Policies.Get(ctx, 1) },
			&trillian.Policy{ID: 1, Fields: rest},
		},
		`<presence name="a"` + more + `<devices><device build="5"` + more + `</device></devices></presence>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) { return c.Presence.List(ctx) },
			[]trillian.Presence{{Name: "a", Fields: rest, Devices: []trillian.Device{{Build: "5", Fields: rest}}}},
		},
		`<messages conversation="c"` + more + `<week year="1" week="2"` + more + `</week></messages>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Users.Messages.Conversations(ctx, smw)
			},
			[]trillian.Conversation{{ID: "c", Fields: rest, Weeks: []trillian.MessageWeek{{Conversation: "c", Year: 1, Week: 2, Fields: rest}}}},
		},
		`<messages><message from="a"` + more + `look <b>here</b> now<b i="1">!</b></message></messages>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Users.Messages.List(ctx, smw, week20)
			},
			[]trillian.Message{{From: "a", Text: "look  now", Conversation: history, Fields: map[string]string{
				"new": "1", "later/at": "2", "b": "here", "b[2]": "!", "b[2]/i": "1",
			}}},
		},
		`<user name="a"` + more + `</user>`: {
			func(ctx context.Context, c *trillian.Client) (any, error) { return c.Users.Get(ctx, smw) },
			&trillian.User{Name: "a", Fields: rest},
		},
	} {
		server := servertest.New(t, 200, `<response xmlns:x="x">`+answer+"</response>")
		got, err := c.call(t.Context(), newClient(t, server.URL))
		require.NoError(t, err, answer)
		require.Equal(t, c.want, got)
	}
}

// document is every sample's <response>, for encoding/xml.
type document struct {
	GroupChats    []trillian.GroupChat    `xml:"groupchat"`
	Groups        []trillian.Group        `xml:"group"`
	Policies      []trillian.Policy       `xml:"policy"`
	Presence      []trillian.Presence     `xml:"presence"`
	Media         []trillian.Media        `xml:"media"`
	Conversations []trillian.Conversation `xml:"messages"`
	Members       []trillian.Member       `xml:"members>member"`
	Peers         []trillian.Peer         `xml:"peers>peer"`
	Message       []trillian.Message      `xml:"message"`
}

// TestEncodingXML holds what doc.go says of package encoding/xml.
func TestEncodingXML(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.xml")
	require.NoError(t, err)
	require.Len(t, files, 21)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		var theirs, ours document
		c := newClient(t, servertest.New(t, 200, string(b)).URL)
		require.NoError(t, c.Do(t.Context(), "GET", "x/", nil, &ours))
		if err := xml.Unmarshal(b, &theirs); strings.HasSuffix(file, "messages-list.xml") {
			continue // its <messages> are no conversation
		} else {
			require.NoError(t, err, file)
		}
		require.Equal(t, ours, theirs, file)
	}
	var doc document
	require.NoError(t, xml.Unmarshal([]byte(`<response><policy id="1" new="2"/></response>`), &doc))
	require.Equal(t, []trillian.Policy{{ID: 1}}, doc.Policies, "an attribute that is not known is lost")
	require.Error(t, xml.Unmarshal([]byte(`<response><policy id="1"><new/></policy></response>`), &doc))
}
