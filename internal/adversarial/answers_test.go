package adversarial

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// doc is an answer that has something for everybody, with one text in it.
func doc(text string) string { return docStart + text + docMiddle + text + docEnd }

const (
	docStart  = `<response><messages><message timestamp="1464200972389" from="a@x">`
	docMiddle = `</message></messages><groupchat name="#1" new="x"><topic>`
	docEnd    = `</topic><new><newer/></new></groupchat></response>`
)

// consumer makes a call and returns the text it found; there is one for every
// way in which the client reads an answer.
type consumer struct {
	name string
	call func(context.Context, *trillian.Client) (text string, any bool, err error)
	none bool // the answer's content does not matter
}

// reading returns the consumers for a body of n bytes: from a long one all of
// them would learn the same, slowly.
func reading(n int) []consumer {
	if n > 1<<20 {
		return consumers[:1]
	}
	return consumers
}

var consumers = []consumer{
	{name: "list", call: func(ctx context.Context, c *trillian.Client) (string, bool, error) {
		messages, err := c.Users.Messages.List(ctx, smw, week20)
		var all []string
		for _, m := range messages {
			all = append(all, m.Text)
		}
		return strings.Join(all, ","), messages != nil, err
	}},
	{name: "all", call: func(ctx context.Context, c *trillian.Client) (text string, any bool, last error) {
		for chat, err := range c.GroupChats.All(ctx, nil) {
			switch {
			case last != nil:
				panic("something came after an error")
			case err != nil:
				last, any = err, chat.Name != "" || chat.Topic != ""
			default:
				text += chat.Topic
			}
		}
		return text, any || last == nil, last
	}},
	{name: "get", call: func(ctx context.Context, c *trillian.Client) (string, bool, error) {
		return topic(c.GroupChats.Get(ctx, general, nil))
	}},
	{name: "create", call: func(ctx context.Context, c *trillian.Client) (string, bool, error) {
		return topic(c.GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: "Sales"}))
	}},
	{name: "update", call: func(ctx context.Context, c *trillian.Client) (string, bool, error) {
		return topic(c.GroupChats.Update(ctx, general, trillian.GroupChatUpdate{Topic: new("as sent")}))
	}},
	{name: "do", call: func(ctx context.Context, c *trillian.Client) (string, bool, error) {
		v := struct {
			Topic string   `xml:"groupchat>topic"`
			Texts []string `xml:"messages>message"`
		}{Topic: "before"}
		err := c.Do(ctx, http.MethodGet, "groupchats/", nil, &v)
		return v.Topic, v.Topic != "before" || v.Texts != nil, err
	}},
	{name: "act", none: true, call: func(ctx context.Context, c *trillian.Client) (string, bool, error) {
		return "", false, c.GroupChats.Members.Remove(ctx, general, kwk)
	}},
}

func topic(chat *trillian.GroupChat, err error) (string, bool, error) {
	if chat == nil {
		return "", false, err
	}
	return chat.Topic, true, err
}

// canned is a base transport that gives every request the same body.
func canned(body func() io.Reader) trillian.Option {
	return trillian.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		resp := respond(r, 200, "")
		resp.Body, resp.ContentLength = io.NopCloser(body()), -1
		resp.Header.Set("Content-Type", "application/xml")
		return resp, nil
	})})
}

var single = trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1})

// secretText stands in hostile answers where a careless error would quote it.
const secretText = "Geheimnis"

// malformed are bodies that no caller may get a value from.
func malformed() map[string]string {
	good := doc("m")
	all := map[string]string{
		"HTML": "<html><head><title>" + secretText + "</title></head></html>", "HTML with a DOCTYPE": "<!DOCTYPE html><html>" + secretText,
		"JSON": `{"error":"` + secretText + `"}`, "text": secretText, "another root": "<error>" + secretText + "</error>",
		"root in capitals": "<RESPONSE></RESPONSE>", "root below another": "<x>" + good + "</x>",
		"two roots": good + good, "junk after": good + secretText, "an element after": good + "<x/>", "NUL after": good + "\x00", "text before": secretText + good,
		"an end tag after": good + "</response>", "a declaration after": good + "<?xml version='1.0'?><x/>",
		"DTD": "<!DOCTYPE response>" + good, "DTD within": doc("<!DOCTYPE x>"), "entity declared": `<!DOCTYPE r [<!ENTITY a "` + secretText + `">]>` + doc("&a;"),
		"entity bomb":     `<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>` + doc("&c;"),
		"external entity": `<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + doc("&a;"),
		"unknown entity":  doc("&" + secretText + ";"), "bare ampersand": doc("R & D"), "endless entity": doc("&" + strings.Repeat("a", 10_000)),
		"wrong end tag": docStart + "m</messages>", "crossed tags": docStart + "m</messages></message></response>", "tag without a name": doc("<>"),
		"attribute without a value": doc("<x a/>"), "attribute without quotes": doc("<x a=b/>"), "bracket in a tag": doc("<x <y/>"),
		"dashes in a comment": doc("<!-- a -- b -->"), "lower-case CDATA": doc("<![cdata[x]]>"), "end of a CDATA section in front": "]]>" + good,
		"UTF-16 little-endian": inUTF16("\xFF\xFE", good, false), "UTF-16 big-endian": inUTF16("\xFE\xFF", good, true), "UTF-16 unmarked": inUTF16("", good, false),
		"UTF-32": "\xFF\xFE\x00\x00<\x00\x00\x00", "UTF-16 by name": `<?xml version="1.0" encoding="UTF-16"?>` + good,
		"EBCDIC": "\x4c\xa7\x94\x93", "unknown encoding": `<?xml version="1.0" encoding="` + secretText + `"?>` + good, "two marks": "\uFEFF\uFEFF" + good,
		"depth 10^6": "<response>" + strings.Repeat("<a>", 1e6) + strings.Repeat("</a>", 1e6) + "</response>", "depth without end": "<response>" + strings.Repeat("<a>", 1e5),
		"depth of what is known": "<response>" + strings.Repeat("<groupchat>", 1000) + strings.Repeat("</groupchat>", 1000) + "</response>",
		"a name of 20 MiB":       "<response><" + strings.Repeat("a", 20<<20), "binary": string([]byte{0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0}), "gzip by itself": zipped(good), "a zero byte": "\x00", "a lone mark of order and text": "\uFEFFx",
	}
	for n := 1; n < len(good); n++ {
		all[fmt.Sprintf("truncated at byte %d", n)] = good[:n]
	}
	return all
}

func inUTF16(mark, text string, big bool) string {
	b := []byte(mark)
	for _, c := range []byte(text) {
		if big {
			b = append(b, 0, c)
		} else {
			b = append(b, c, 0)
		}
	}
	return string(b)
}

func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	for name, body := range malformed() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://im.test", canned(func() io.Reader { return strings.NewReader(body) }), single)
			for _, c := range consumers {
				text, any, err := c.call(t.Context(), client)
				if c.name == "all" { // what came whole has been yielded
					require.Contains(t, []string{"", "m", "mm"}, text)
				}
				requireMalformed(t, c.name, any, err)
			}
		})
	}
}

// requireBrokenOff asks for the failure of a connection, not of a document.
func requireBrokenOff(t *testing.T, name string, any bool, err error) {
	t.Helper()
	require.False(t, any, "%s: a value beside an error, or none at all", name)
	failure, ok := errors.AsType[*trillian.Error](err)
	require.True(t, ok, "%s: %T %v", name, err, err)
	require.Zero(t, failure.StatusCode)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, err, trillian.ErrMalformedResponse)
}

func requireMalformed(t *testing.T, name string, any bool, err error) {
	t.Helper()
	require.False(t, any, "%s: a value beside an error, or none at all", name)
	failure, ok := errors.AsType[*trillian.DecodeError](err)
	require.True(t, ok, "%s: %T %v", name, err, err)
	require.ErrorIs(t, err, trillian.ErrMalformedResponse)
	require.NotContains(t, err.Error(), secretText, name)
	require.Less(t, len(err.Error()), 500, name)
	require.True(t, utf8.ValidString(err.Error()))
	risky := failure.Method == http.MethodPost || failure.Method == http.MethodPatch
	require.Equal(t, risky, errors.Is(err, trillian.ErrOutcomeUnknown), "%s: it may well have been carried out", name)
}

func TestAnswersThatAreGood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"mark":                     {"\uFEFF" + doc("m"), "m"},
		"declaration":              {`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\r\n" + doc("é"), "é"},
		"utf8":                     {`<?xml version="1.0" encoding="utf8"?>` + doc("é€😀"), "é€😀"},
		"ISO-8859-1":               {`<?xml version="1.0" encoding="ISO-8859-1"?>` + doc("Stra\xDFe"), "Straße"},
		"latin1":                   {`<?xml version='1.0' encoding='latin1'?>` + doc("\xE9"), "é"},
		"windows-1252":             {`<?xml version="1.0" encoding="windows-1252"?>` + doc("5 \x80"), "5 €"},
		"us-ascii":                 {`<?xml version="1.0" encoding="us-ascii"?>` + doc("m"), "m"},
		"mark against its label":   {"\uFEFF" + `<?xml version="1.0" encoding="ISO-8859-1"?>` + doc("é"), "é"},
		"CDATA":                    {doc("<![CDATA[a<b&c]]d]]>"), "a<b&c]]d"},
		"CDATA in pieces":          {doc("x<![CDATA[y]]>z<![CDATA[]]>"), "xyz"},
		"comments":                 {"<!-- a --><response><!-- </response> -->" + strings.TrimPrefix(doc("a<!-- <b> -->c"), "<response>") + "<!-- z -->\n", "ac"},
		"instructions":             {"<?x y?>" + doc("a<?php echo '</topic>' ?>c") + "<?z?>", "ac"},
		"references":               {doc("&lt;&gt;&amp;&apos;&quot;&#65;&#x42;&#x1F600;"), `<>&'"AB😀`},
		"control characters":       {doc("a\x00b\x08c\x0b\x1f"), "a\uFFFDb\uFFFDc\uFFFD\uFFFD"},
		"control references":       {doc("a&#0;b&#x1F;"), "a\uFFFDb\uFFFD"},
		"invalid UTF-8":            {doc("a\xFFb\xC3\x28"), "a\uFFFDb\uFFFD("},
		"half a character":         {doc("a\xF0\x9F\x98"), "a\uFFFD\uFFFD\uFFFD"},
		"overlong UTF-8":           {doc("\xC0\xAF"), "\uFFFD\uFFFD"},
		"surrogates":               {doc("&#xD83D;&#xDE00;"), "\uFFFD\uFFFD"},
		"reference beyond Unicode": {doc("&#x110000;&#99999999999999999999;"), "\uFFFD\uFFFD"},
		"not a character":          {doc("\uFFFE&#xFFFF;"), "\uFFFD\uFFFD"},
		"line ends":                {doc("a\r\nb\rc\nd"), "a\nb\nc\nd"},
		"tab":                      {doc("a\tb"), "a\tb"},
		"DEL and C1":               {doc("a\x7f\u0085"), "a\x7f\u0085"},
		"right to left":            {doc("\u202Eevil"), "\u202Eevil"},
		"space in tags":            {strings.NewReplacer("</topic>", "</topic\n>", "<topic>", "<topic\t>").Replace(doc("m")), "m"},
		"single quotes":            {strings.ReplaceAll(doc("m"), `"`, `'`), "m"},
		"unknown attributes":       {strings.Replace(doc("m"), "<topic>", "<topic x='1' y=\"\x01\" z='&#0;'>", 1), "m"},
		"prefixes":                 {strings.NewReplacer("<topic>", "<t:topic xmlns:t='x'>", "</topic>", "</t:topic>").Replace(doc("m")), "m"},
		"deep but allowed":         {doc("m" + strings.Repeat("<a>", 100) + "no" + strings.Repeat("</a>", 100)), "m"},
		"space after":              {doc("m") + strings.Repeat(" \r\n", 10_000), "m"},
		"10^6 siblings of nothing": {strings.Replace(doc("m"), "<response>", "<response>"+strings.Repeat("<a/>", 1e6), 1), "m"},
		"10^6 comments":            {strings.Replace(doc("m"), "<response>", "<response>"+strings.Repeat("<!---->", 1e6), 1), "m"},
		"10^6 references":          {doc(strings.Repeat("&lt;", 1e6)), strings.Repeat("<", 1e6)},
		"10^5 attributes":          {strings.Replace(doc("m"), "<topic>", "<topic "+strings.Repeat("a='b' ", 1e5)+">", 1), "m"},
		"a text of 2 MiB":          {doc(strings.Repeat("x", 2<<20)), strings.Repeat("x", 2<<20)},
		"duplicate attribute":      {strings.Replace(doc("m"), `name="#1"`, `name="#2" name="#1"`, 1), "m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://im.test", canned(func() io.Reader { return strings.NewReader(c.body) }), single)
			for _, consumer := range reading(len(c.body)) {
				text, _, err := consumer.call(t.Context(), client)
				require.NoError(t, err, consumer.name)
				require.True(t, consumer.none || text == c.want, "%s: %.100q", consumer.name, text)
			}
		})
	}
}

func TestEmptyAnswers(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"empty": "", "space": " \r\n\t", "a mark": "\uFEFF", "much space": strings.Repeat("\n", 100_000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://im.test", canned(func() io.Reader { return strings.NewReader(body) }), single)
			for _, c := range consumers {
				text, any, err := c.call(t.Context(), client)
				if c.none {
					require.NoError(t, err, c.name)
					require.Empty(t, text)
				} else {
					requireMalformed(t, c.name, any, err)
				}
			}
		})
	}
}

// TestValues has values that do not fit their fields.
func TestValues(t *testing.T) {
	t.Parallel()
	chats := func(ctx context.Context, c *trillian.Client) (any, error) { return c.GroupChats.List(ctx, nil) }
	groups := func(ctx context.Context, c *trillian.Client) (any, error) { return c.Groups.List(ctx, nil) }
	group := func(ctx context.Context, c *trillian.Client) (any, error) { return c.Groups.Get(ctx, 1, nil) }
	media := func(ctx context.Context, c *trillian.Client) (any, error) { return c.Users.Media.List(ctx, smw) }
	messages := func(ctx context.Context, c *trillian.Client) (any, error) {
		return c.Users.Messages.List(ctx, smw, week20)
	}
	presence := func(ctx context.Context, c *trillian.Client) (any, error) { return c.Presence.List(ctx) }
	for name, c := range map[string]struct {
		call func(context.Context, *trillian.Client) (any, error)
		body string
		want any // nil: a DecodeError
	}{
		"id beyond int":                  {groups, `<group id="9223372036854775808"/>`, nil},
		"id of a thousand digits":        {groups, `<group id="` + strings.Repeat("9", 1000) + `"/>`, nil},
		"id of words":                    {groups, `<group id="` + secretText + `"/>`, nil},
		"id with a fraction":             {groups, `<group id="1.5"/>`, nil},
		"id in hexadecimal":              {groups, `<group id="0x10"/>`, nil},
		"id with an exponent":            {groups, `<group id="1e3"/>`, nil},
		"id with underscores":            {groups, `<group id="1_000"/>`, nil},
		"id with a space":                {groups, `<group id=" 7 "/>`, []trillian.Group{{ID: 7}}},
		"negative id":                    {groups, `<group id="-5"/>`, []trillian.Group{{ID: -5}}},
		"empty id":                       {groups, `<group id=""/>`, []trillian.Group{{}}},
		"largest id":                     {groups, fmt.Sprintf(`<group id="%d"/>`, math.MaxInt), []trillian.Group{{ID: math.MaxInt}}},
		"smallest id":                    {groups, fmt.Sprintf(`<group id="%d"/>`, math.MinInt), []trillian.Group{{ID: math.MinInt}}},
		"id below int":                   {groups, `<group id="-9223372036854775809"/>`, nil},
		"one good, one bad":              {groups, `<group id="1"/><group id="x"/>`, nil},
		"one group asked, two came":      {group, `<group id="1"/><group id="2"/>`, nil},
		"one group asked, none came":     {group, `<groups/>`, nil},
		"one group asked, a policy came": {group, `<policy id="1"/>`, nil},
		"negative flags":                 {chats, `<groupchat><flags>-1</flags></groupchat>`, nil},
		"flags beyond 32 bits":           {chats, `<groupchat><flags>4294967296</flags></groupchat>`, nil},
		"all flags":                      {chats, `<groupchat><flags>4294967295</flags></groupchat>`, []trillian.GroupChat{{Flags: 1<<32 - 1}}},
		"a scalar twice":                 {chats, `<groupchat><topic>a</topic><topic>b</topic></groupchat>`, []trillian.GroupChat{{Topic: "b"}}},
		"markup in a scalar":             {chats, `<groupchat><topic>a<b>c</b>d</topic></groupchat>`, []trillian.GroupChat{{Topic: "ad"}}},
		"size beyond int":                {media, `<media><size>99999999999999999999</size></media>`, nil},
		"negative size":                  {media, `<media><size>-1</size></media>`, []trillian.Media{{Size: -1}}},
		"size of nothing":                {media, `<media><size/></media>`, []trillian.Media{{}}},
		"time of words":                  {messages, `<messages><message timestamp="` + secretText + `"/></messages>`, nil},
		"time beyond int":                {messages, `<messages><message timestamp="99999999999999999999"/></messages>`, nil},
		"time before the year 1":         {messages, `<messages><message timestamp="-62135596801"/></messages>`, nil},
		"time of nothing":                {messages, `<messages><message timestamp=""/></messages>`, []trillian.Message{{Conversation: history}}},
		"address of words":               {presence, `<presence><device ip="` + secretText + `"/></presence>`, errAny},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://im.test", canned(func() io.Reader { return strings.NewReader("<response>" + c.body + "</response>") }), single)
			got, err := c.call(t.Context(), client)
			switch c.want {
			case nil:
				require.Empty(t, got)
				_, ok := errors.AsType[*trillian.DecodeError](err)
				require.True(t, ok, "%v", err)
				require.NotContains(t, err.Error(), secretText)
			case errAny: // either, but no panic and no half of both
				require.True(t, err == nil || len(got.([]trillian.Presence)) == 0)
			default:
				require.NoError(t, err)
				require.Equal(t, c.want, got)
			}
		})
	}
}

// TestOneBadCharacter must not cost a user the whole week.
func TestOneBadCharacter(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"\x00", "\x01", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\xff", "\xc3", "\xed\xa0\x80", "\uFFFE", "&#0;", "&#x8;", "&#xFFFF;"} {
		for _, at := range []int{0, 499, 999} {
			t.Run(fmt.Sprintf("%q in message %d", bad, at), func(t *testing.T) {
				t.Parallel()
				var b strings.Builder
				want := make([]string, 1000)
				b.WriteString("<response><messages>")
				for i := range want {
					want[i] = fmt.Sprintf("message %d & more", i)
					text := fmt.Sprintf("message %d &amp; more", i)
					if i == at {
						n := 1 // of U+FFFD, one for each byte that belongs to no character
						if !utf8.ValidString(bad) {
							n = len(bad)
						}
						want[i] += strings.Repeat("\uFFFD", n) + "!"
						text += bad + "!"
					}
					fmt.Fprintf(&b, `<message timestamp="%d">%s</message>`, 1464200972389+int64(i), text)
				}
				b.WriteString("</messages></response>")
				client := newClient(t, "https://im.test", canned(func() io.Reader { return strings.NewReader(b.String()) }), single)
				messages, err := client.Users.Messages.List(t.Context(), smw, week20)
				require.NoError(t, err)
				got := []string{}
				for _, m := range messages {
					got = append(got, m.Text)
				}
				require.Equal(t, want, got)
			})
		}
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}
