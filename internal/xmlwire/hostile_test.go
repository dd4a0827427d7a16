package xmlwire

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// secret is what no error may show.
const secret = "Geheimnis"

// hostile is a document that no server should send.
type hostile struct {
	name, body string
	want       []string // the texts of its messages, where it is still good
	err        string   // otherwise a part of the reason
	cut        bool     // it ends too early
}

const (
	opened = `<response><messages><message timestamp="1464200972389" from="a">`
	closed = `</message></messages></response>`
)

// said is a document with one message.
func said(text string) string { return opened + text + closed }

// hostiles is a function so that its documents are not always in memory.
func hostiles() []hostile {
	return []hostile{
		// Not this API's document.
		{name: "HTML", body: "<html><body>" + secret + "</body></html>", err: "root element is <html>"},
		{name: "HTML with DOCTYPE", body: "<!DOCTYPE html><html></html>", err: "DOCTYPE"},
		{name: "HTML in capitals", body: "<!doctype html>\n<HTML>", err: "DOCTYPE"},
		{name: "JSON", body: `{"error": "` + secret + `"}`, err: "text outside"},
		{name: "plain text", body: "Service Unavailable " + secret, err: "text outside"},
		{name: "another root", body: "<responses><messages/></responses>", err: "root element is <responses>"},
		{name: "root in capitals", body: "<RESPONSE/>", err: "root element"},
		{name: "an error document", body: "<error>" + secret + "</error>", err: "root element is <error>"},
		{name: "root too deep", body: "<x>" + said("m") + "</x>", err: "root element is <x>"},
		{name: "a long root", body: "<" + strings.Repeat("x", 200) + "/>", err: "root element is <…>"},
		{name: "a root of odd letters", body: "<évil/>", err: "root element is <?vil>"},
		{name: "a root that is no name", body: "<évil\xFF/>", err: "part of no name"},
		{name: "text before", body: secret + said("m"), err: "text outside"},
		{name: "CDATA before", body: "<![CDATA[x]]>" + said("m"), err: "text outside"},
		{name: "two roots", body: said("m") + said("n"), err: "follows the root"},
		{name: "two different roots", body: said("m") + "<x/>", err: "follows the root"},
		{name: "text after", body: said("m") + secret, err: "text outside"},
		{name: "end tag after", body: said("m") + "</response>", err: "follows the root"},
		{name: "end tag first", body: "</response>" + said("m"), err: "name is missing"},
		{name: "NUL after", body: said("m") + "\x00", err: "text outside"},
		{name: "a second declaration after", body: said("m") + "<?xml version='1.0'?>" + said("n"), err: "follows the root"},
		{name: "a comment after", body: said("m") + " <!-- fine --> <?fine?>\n", want: []string{"m"}},
		{name: "a comment before", body: "<?xml version='1.0'?><!-- fine --><?fine x?> " + said("m"), want: []string{"m"}},
		{name: "CDATA after", body: said("m") + "<![CDATA[]]>", err: "text outside"},

		// Documents that never end.
		{name: "only a declaration", body: "<?xml version='1.0'?>", cut: true},
		{name: "only a comment", body: "<!-- x -->", cut: true},
		{name: "a lone bracket", body: "<", cut: true},
		{name: "an open comment", body: "<response><!-- x", cut: true},
		{name: "an open comment's second bracket", body: "<response><!", cut: true},
		{name: "an open CDATA section", body: opened + "<![CDATA[x]]", cut: true},
		{name: "an open instruction", body: "<response><?x ?", cut: true},
		{name: "an open reference", body: opened + "&am", cut: true},
		{name: "an open attribute", body: `<response><messages x="`, cut: true},
		{name: "an open declaration", body: "<?xml version='1.0'", cut: true},
		{name: "elements left open", body: "<response><messages><message>", cut: true},
		{name: "a comment left open at the end", body: said("m") + "<!-- x", cut: true},

		// Declarations and entities.
		{name: "DTD", body: "<!DOCTYPE response [<!ELEMENT response ANY>]>" + said("m"), err: "DOCTYPE"},
		{name: "entity bomb", body: `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>` + said("&b;"), err: "DOCTYPE"},
		{name: "external entity", body: `<!DOCTYPE r SYSTEM "file:///etc/passwd">` + said("m"), err: "DOCTYPE"},
		{name: "DTD inside", body: said("<!DOCTYPE x>"), err: "DOCTYPE"},
		{name: "entity inside", body: said(`<!ENTITY x "y">`), err: "DOCTYPE"},
		{name: "unknown entity", body: said("&nbsp;"), err: "entity"},
		{name: "entity in capitals", body: said("&LT;"), err: "entity"},
		{name: "bare ampersand", body: said("R&D and more"), err: "entity"},
		{name: "ampersand at the end", body: said("R&"), err: "entity"},
		{name: "empty reference", body: said("&;"), err: "entity"},
		{name: "no digits", body: said("&#;"), err: "entity"},
		{name: "no hexadecimal digits", body: said("&#x;"), err: "entity"},
		{name: "capital X", body: said("&#X41;"), err: "entity"},
		{name: "letters for digits", body: said("&#1a;"), err: "entity"},
		{name: "negative reference", body: said("&#-1;"), err: "entity"},
		{name: "reference without end", body: said("&" + strings.Repeat("x", 1<<20)), err: "entity"},
		{name: "unknown entity in an attribute", body: `<response a="&` + secret + `;"/>`, err: "entity"},

		// Markup.
		{name: "wrong end tag", body: "<response><messages></message></response>", err: "end tag"},
		{name: "longer end tag", body: "<response><messages></messagesX></response>", err: "end tag"},
		{name: "crossed end tags", body: "<response><a><b></a></b></response>", err: "end tag"},
		{name: "end tag with an attribute", body: "<response><a></a b='c'></response>", err: "end tag"},
		{name: "end tag with a prefix", body: "<response><a></x:a></response>", err: "end tag"},
		{name: "end tag in capitals", body: "<response><a></A></response>", err: "end tag"},
		{name: "end tag with space", body: "<response\n><messages\t ><message\r>m</message \r\n></messages\t></response >", want: []string{"m"}},
		{name: "no name", body: "<response>< a/></response>", err: "name is missing"},
		{name: "a name that is a number", body: "<response><1/></response>", err: "name is missing"},
		{name: "an attribute that is a number", body: "<response 1='a'/>", err: "name is missing"},
		{name: "attribute without a value", body: "<response a/>", err: "no value"},
		{name: "attribute without quotes", body: "<response a=b/>", err: "not quoted"},
		{name: "tag within a tag", body: "<response <a/>></response>", err: "name is missing"},
		{name: "bracket in an attribute", body: "<response a='<'/>", err: "attribute"},
		{name: "a slash within a tag", body: "<response / >", err: "malformed"},
		{name: "dashes in a comment", body: "<response><!-- a -- b --></response>", err: "comment"},
		{name: "a bad CDATA section", body: said("<![cdata[x]]>"), err: "declaration"},
		{name: "a nameless instruction", body: "<response><? x?></response>", err: "name is missing"},
		{name: "duplicate attributes", body: `<response><messages><message from="a" from="b">m</message></messages></response>`, want: []string{"m"}},
		{name: "duplicate lists", body: `<response><messages><message>m</message></messages><messages><message>n</message></messages></response>`, want: []string{"m", "n"}},
		{name: "unknown elements", body: `<response x="y"><new><message>no</message></new><messages><new/>x<message new="z">m<new>no</new></message></messages></response>`, want: []string{"m"}},

		// Encodings and characters.
		{name: "UTF-16 little-endian", body: "\xFF\xFE<\x00r\x00", err: "not UTF-8"},
		{name: "UTF-16 big-endian", body: "\xFE\xFF\x00<\x00r", err: "not UTF-8"},
		{name: "UTF-16 without a mark", body: "<\x00r\x00e\x00", err: "not UTF-8"},
		{name: "UTF-32 little-endian", body: "\xFF\xFE\x00\x00<\x00\x00\x00", err: "not UTF-8"},
		{name: "UTF-32 big-endian", body: "\x00\x00\xFE\xFF\x00\x00\x00<", err: "not UTF-8"},
		{name: "UTF-16 by label", body: "<?xml version='1.0' encoding='UTF-16'?>" + said("m"), err: "not UTF-8"},
		{name: "unknown label", body: "<?xml version='1.0' encoding='" + secret + "'?>" + said("m"), err: "not UTF-8"},
		{name: "label without quotes", body: "<?xml version='1.0' encoding=utf-8?>" + said("m"), err: "declaration"},
		{name: "endless declaration", body: "<?xml " + strings.Repeat("x", 1<<20), err: "declaration"},
		{name: "mark", body: "\uFEFF" + said("m"), want: []string{"m"}},
		{name: "two marks", body: "\uFEFF\uFEFF" + said("m"), err: "text outside"},
		{name: "utf8", body: "<?xml version='1.0' encoding='utf8'?>" + said("é"), want: []string{"é"}},
		{name: "ISO-8859-1", body: "<?xml version='1.0' encoding='ISO-8859-1'?>" + said("\xE9"), want: []string{"é"}},
		{name: "ISO-8859-1 not declared", body: said("\xE9"), want: []string{"\uFFFD"}},
		{name: "control characters", body: said("a\x00\x08\x1Fb"), want: []string{"a\uFFFD\uFFFD\uFFFDb"}},
		{name: "control references", body: said("a&#0;&#x1F;b"), want: []string{"a\uFFFD\uFFFDb"}},
		{name: "invalid UTF-8", body: said("a\xC3\x28\xFF"), want: []string{"a\uFFFD(\uFFFD"}},
		{name: "half a character", body: said("\xF0\x9F\x98"), want: []string{"\uFFFD\uFFFD\uFFFD"}},
		{name: "surrogates", body: said("&#xD800;\xED\xA0\x80"), want: []string{"\uFFFD\uFFFD\uFFFD\uFFFD"}},
		{name: "control character in a tag", body: "<response\x01/>", err: "name is missing"},
		{name: "control character in an unknown attribute", body: "<response a='\x01'><messages><message>m</message></messages></response>", want: []string{"m"}},

		// Values.
		{name: "a time that is none", body: `<response><messages><message timestamp="` + secret + `">m</message></messages></response>`, err: "timestamp is no xmlwire.timestamp"},
		{name: "a time too large", body: `<response><messages><message timestamp="99999999999999999999">m</message></messages></response>`, err: "timestamp is out of the range"},
		{name: "negative time", body: `<response><messages><message timestamp="-1">m</message></messages></response>`, want: []string{"m"}},
		{name: "empty message", body: `<response><messages><message/><message></message></messages></response>`, want: []string{"", ""}},

		// Size.
		{name: "depth at the limit", body: "<response>" + strings.Repeat("<a>", maxDepth-1) + strings.Repeat("</a>", maxDepth-1) + "</response>"},
		{name: "depth beyond the limit", body: "<response>" + strings.Repeat("<a>", maxDepth) + strings.Repeat("</a>", maxDepth) + "</response>", err: "too deeply"},
		{name: "a million levels", body: "<response>" + strings.Repeat("<a>", 1e6), err: "too deeply"},
		{name: "a million empty siblings", body: "<response>" + strings.Repeat("<a/>", 1e6) + "<messages><message>m</message></messages></response>", want: []string{"m"}},
		{name: "a million attributes", body: "<response " + strings.Repeat("a='' ", 1e6) + "/>"},
		{name: "a million references", body: said(strings.Repeat("&lt;", 1e6)), want: []string{strings.Repeat("<", 1e6)}},
		{name: "a million comments", body: said(strings.Repeat("<!---->", 1e6)), want: []string{""}},
		{name: "a name as long as the window", body: "<response><" + strings.Repeat("a", maxName) + "/></response>"},
		{name: "a name beyond the limit", body: "<response><" + strings.Repeat("a", bufferSize) + "/></response>", err: "too long"},
		{name: "a text beyond the limit", body: said(strings.Repeat("a", maxToken+1)), err: "too long"},
		{name: "a text in pieces beyond the limit", body: said(strings.Repeat(strings.Repeat("a", 1<<20)+"<!---->", 17)), err: "too long"},
		{name: "an attribute beyond the limit", body: "<response a='" + strings.Repeat("a", maxToken+1), err: "too long"},
		{name: "a comment beyond the limit", body: "<response><!--" + strings.Repeat("a", maxToken+1) + "--></response>"},
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	all := hostiles()
	require.GreaterOrEqual(t, len(all), 60)
	for _, h := range all {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range readers(h.body) {
				var doc messagesDoc
				h.check(t, name, texts(doc.Messages), Decode(r, &doc))
				if h.err == "" && !h.cut {
					require.Equal(t, h.want, texts(doc.Messages), name)
				} else {
					require.Zero(t, doc, name)
				}
			}
			for name, r := range readers(h.body) {
				items, err := collect[message](r, "messages>message")
				h.check(t, name, texts(items), err)
				if err == nil {
					require.Equal(t, h.want, texts(items), name)
				}
			}
			for name, r := range readers(h.body) {
				var doc struct {
					Fields map[string]string `xml:",any"`
				}
				if err := Decode(r, &doc); err != nil {
					require.NotContains(t, err.Error(), secret, name)
					require.Nil(t, doc.Fields)
				}
			}
		})
	}
}

func (h hostile) check(t *testing.T, reader string, _ []string, err error) {
	t.Helper()
	if h.err == "" && !h.cut {
		require.NoError(t, err, reader)
		return
	}
	syntax, ok := errors.AsType[*SyntaxError](err)
	require.True(t, ok, "%s: %v", reader, err)
	require.Contains(t, syntax.Reason, h.err, reader)
	require.Equal(t, h.cut, errors.Is(err, io.ErrUnexpectedEOF), reader)
	require.NotContains(t, err.Error(), secret)
	require.LessOrEqual(t, syntax.Offset, int64(len(h.body)))
	require.Less(t, len(err.Error()), 200)
}

// readers gives body in several ways, byte by byte where that is not too much.
func readers(body string) map[string]io.Reader {
	all := map[string]io.Reader{
		"whole":         strings.NewReader(body),
		"EOF with data": iotest.DataErrReader(strings.NewReader(body)),
	}
	if len(body) < 10*bufferSize {
		all["byte by byte"] = iotest.OneByteReader(strings.NewReader(body))
		all["halves"] = iotest.HalfReader(strings.NewReader(body))
	}
	return all
}

func texts(messages []message) (all []string) {
	for _, m := range messages {
		all = append(all, m.Text)
	}
	return all
}

func TestEmptyDocuments(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " ", "\r\n\t ", "\uFEFF", "\uFEFF\n", strings.Repeat(" ", 5*bufferSize)} {
		for name, r := range readers(body) {
			require.ErrorIs(t, Decode(r, &messagesDoc{}), ErrEmpty, name)
		}
		_, err := collect[message](strings.NewReader(body), "messages>message")
		require.ErrorIs(t, err, ErrEmpty)
	}
}

// TestTruncation cuts every sample at every byte.
func TestTruncation(t *testing.T) {
	t.Parallel()
	type everything struct {
		Chats     []groupChat        `xml:"groupchat"`
		Messages  []message          `xml:"messages>message"`
		Presences []presence         `xml:"presence"`
		Users     []user             `xml:"user"`
		Policies  []policy           `xml:"policy"`
		Groups    []group            `xml:"group"`
		Members   collection[member] `xml:"members" items:"member"`
	}
	samples := map[string]string{"markup": `<?xml version="1.0" encoding="UTF-8"?><!-- c --><response a='&#65;'><user><a>é你😀&lt;<![CDATA[ ]]]><?p i?></a></user></response>`}
	for name, body := range samplesAnd(samples) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotZero(t, decode[everything](t, body))
			for n := range len(body) {
				for name, r := range readers(body[:n]) {
					var v everything
					err := Decode(r, &v)
					if n == 0 {
						require.ErrorIs(t, err, ErrEmpty)
						continue
					}
					syntax, ok := errors.AsType[*SyntaxError](err)
					require.True(t, ok, "%d bytes, %s", n, name)
					require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes, %s", n, name)
					require.Equal(t, int64(n), syntax.Offset)
					require.Zero(t, v)
				}
			}
		})
	}
}

func samplesAnd(more map[string]string) map[string]string {
	for name, body := range samples {
		if name != "conversations" && name != "media" {
			more[name] = body
		}
	}
	return more
}

// TestReaderErrors breaks the connection at every byte.
func TestReaderErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	body := samples["messages"]
	for n := range len(body) + 1 {
		r := func() io.Reader {
			return io.MultiReader(strings.NewReader(body[:n]), iotest.ErrReader(broken))
		}
		var doc messagesDoc
		require.ErrorIs(t, Decode(r(), &doc), broken, "%d bytes", n)
		require.Zero(t, doc)
		items, err := collect[message](r(), "messages>message")
		require.ErrorIs(t, err, broken)
		require.Len(t, items, strings.Count(body[:n], "</message>"))
	}
	require.ErrorIs(t, Decode(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(body))), &messagesDoc{}), iotest.ErrTimeout)
	require.ErrorIs(t, Decode(idle{}, &messagesDoc{}), io.ErrNoProgress)
}

// idle is a reader that has nothing to say.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// repeated reads head, n times body and then tail.
func repeated(head, body string, n int, tail string) io.Reader {
	readers := []io.Reader{strings.NewReader(head)}
	block := strings.Repeat(body, 1000)
	for ; n > 0; n -= 1000 {
		readers = append(readers, strings.NewReader(block[:min(n, 1000)*len(body)]))
	}
	return io.MultiReader(append(readers, strings.NewReader(tail))...)
}

// TestMemoryIsBounded watches the heap while hostile documents go by.
func TestMemoryIsBounded(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"siblings":         repeated("<response>", "<unknown a='b'>text</unknown>", 1e6, "</response>"),
		"text":             repeated("<response>", "text between the elements ", 1e6, "</response>"),
		"comment":          repeated("<response><!--", " comment ", 1e6, "--></response>"),
		"instruction":      repeated("<response><?x", " instruction ", 1e6, "?></response>"),
		"space":            repeated("<response>", "\n        ", 1e6, "</response>"),
		"attributes":       repeated("<response ", "a='b' ", 1e6, "/>"),
		"items":            repeated("<response><messages>", "<message from='someone'>This is what was said.</message>", 1e6, "</messages></response>"),
		"different values": different(300_000),
	} {
		var peak uint64
		sampled := &sampling{r: r, peak: &peak}
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := collectLast[message](sampled, "messages>message")
		require.Equal(t, name == "siblings", errors.Is(err, ErrNoItems), name)
		require.True(t, err == nil || errors.Is(err, ErrNoItems), "%s: %v", name, err)
		require.Less(t, int64(peak)-int64(before.HeapAlloc), int64(8<<20), name)
	}
}

// different reads messages no two of which share a value.
func different(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, "<response><messages>")
		for i := range n {
			_, _ = fmt.Fprintf(w, "<message from='user%d@example.com'>%d</message>", i, i)
		}
		_, _ = io.WriteString(w, "</messages></response>")
		_ = w.Close()
	}()
	return r
}

func collectLast[T any](r io.Reader, path string) (last T, err error) {
	for item, err := range Items[T](r, path) {
		if err != nil {
			return last, err
		}
		last = item
	}
	return last, nil
}

// sampling notes the largest heap seen now and then while it is read.
type sampling struct {
	r     io.Reader
	reads int
	peak  *uint64
}

func (s *sampling) Read(p []byte) (int, error) {
	if s.reads++; s.reads%64 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*s.peak = max(*s.peak, m.HeapAlloc)
	}
	return s.r.Read(p)
}

// TestLongPathsAreRefused has a path of unknown elements repeated in a million
// keys.
func TestLongPathsAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 10_000)
	var v user
	err := Decode(repeated("<response><"+long+">", "<b/>", 1e6, "</"+long+"></response>"), &v)
	_, ok := errors.AsType[*SyntaxError](err)
	require.True(t, ok)
	require.ErrorContains(t, err, "paths of unknown elements")
	require.Zero(t, v)

	require.NoError(t, Decode(repeated("<response><addresses>", "<address><street>x</street></address>", 100_000, "</addresses></response>"), &v))
	require.Len(t, v.Fields, 100_000)
	require.Equal(t, "x", v.Fields["addresses/address[100000]/street"])
}

// TestNothingIsKept looks into the pool for what a document left behind.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	for range 100 {
		s := newScanner(nil, streamBlock)
		require.Zero(t, s.pos)
		require.Zero(t, s.end)
		require.Empty(t, s.acc)
		require.NoError(t, s.readErr)
		s.release()
	}
}
