package xmlwire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// everyKind takes what is in a document in every way there is.
type everyKind struct {
	A        string             `xml:"a,attr"`
	N        []int              `xml:"n,attr"`
	Messages []message          `xml:"messages>message"`
	Users    []user             `xml:"user"`
	S        string             `xml:"s"`
	I        int                `xml:"i"`
	Members  collection[member] `xml:"members" items:"member"`
	Text     string             `xml:",chardata"`
	Rest     map[string]string  `xml:",any"`
}

// chunked reads b in chunks of n bytes.
func chunked(b []byte, n int) io.Reader { return &chunkReader{bytes.NewReader(b), n} }

type chunkReader struct {
	r io.Reader
	n int
}

func (c *chunkReader) Read(p []byte) (int, error) { return c.r.Read(p[:min(c.n, len(p))]) }

// checkChunks holds what comes of the document in chunks of every size against
// what comes of it as a whole: values, acceptance, and the error with its place.
func checkChunks(t *testing.T, body []byte) {
	t.Helper()
	var whole everyKind
	wholeErr := Decode(bytes.NewReader(body), &whole)
	wholeItems, wholeItemsErr := collect[message](bytes.NewReader(body), "messages>message")
	for n := 1; n <= 17; n++ {
		var got everyKind
		err := Decode(chunked(body, n), &got)
		require.Equal(t, wholeErr, err, "chunks of %d: %q", n, body)
		require.Equal(t, whole, got, "chunks of %d: %q", n, body)
		items, err := collect[message](chunked(body, n), "messages>message")
		require.Equal(t, wholeItemsErr, err, "items in chunks of %d: %q", n, body)
		require.Equal(t, wholeItems, items, "items in chunks of %d: %q", n, body)
	}
	if syntax, ok := errors.AsType[*SyntaxError](wholeErr); ok {
		require.LessOrEqual(t, syntax.Offset, int64(len(body)), "%q", body)
	}
}

// chunkSeeds are short documents whose reading depends on where a chunk ends.
var chunkSeeds = []string{
	said("&#99999999999999999999</message><message>1;"),
	said("&#99999999999999999999;"), said("&#99999999999999999999x;"), said("&#xFFFFFFFFFFFFFFFFFFFF;"), said("&#xFFFFFFFFFFFFFFFFFFFFg;"),
	said("&#65 ;"), said("&lt"), said("&lt</message>;"), said("a\r\n\rb"), said("é\xE4\xBD你\xF0\x9F\x98😀"), said("&#x1F600;<![CDATA[]]]>&]]>x"),
	`<response a="&#99999999999999999999"/><s b=";"/>`, `<response a='&lt;"'><s>x</s></response>`, `<response a="&'` + "\n" + `"/>`,
	"<response a='1'\u00a0b='2'/>", "<response><a\u00a0b/></response>", "<response><é>x</é><\xFFa/></response>",
	"<?xml version='1.0' encoding='latin1'?><response a='\xE9\xA0'><s>\xE9\xE9</s>\xE9</respons\xE9>",
	"<?xml version='1.0' encoding='latin1'?><response><s>\xE9&#233;&lt;\xE9\xE9&amp;x&lt;&gt;\xE9</s>\xE9&eacute;</response>",
	said("&lt;&lt;&lt;é&lt;&#x1F600;&amp;1234567&amp;12345678&amp;123456789&lt;"), said("&amp;\r&amp;"), said("é&lt;\x01"),
	"<response n='1' n='2' n='x'/>", "<response><i>x</i></response>", "<response><s>x</s ><i> 1 </i></response>", "<response><members><x/><member name='a'><flags>1</flags></member></members>",
}

func TestChunks(t *testing.T) {
	t.Parallel()
	for i, body := range append(seeds(t), chunkSeeds...) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			checkChunks(t, []byte(body))
		})
	}
}

// FuzzChunks compares, as FuzzDifferential does, the bytes and a document that
// they direct.
func FuzzChunks(f *testing.F) {
	for _, body := range append(seeds(f), chunkSeeds...) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkChunks(t, data)
		checkChunks(t, wellFormed(data))
	})
}

// TestReferencesOutOfRange must not take markup for digits.
func TestReferencesOutOfRange(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		said("&#99999999999999999999</message><message>1;"), said("&#99999999999999999999&#1;"), said("&#99999999999999999999x;"),
		said("&#xFFFFFFFFFFFFFFFFFFFFg;"), said("&#99999999999999999999 ;"),
	} {
		for n := range 80 {
			_, err := collect[message](chunked([]byte(body), n+1), "messages>message")
			require.ErrorContains(t, err, "entity", "%q in chunks of %d", body, n+1)
		}
	}
	items, err := collect[message](strings.NewReader(said("&#99999999999999999999;&#xFFFFFFFFFFFFFFFFFFFF;")), "messages>message")
	require.NoError(t, err)
	require.Equal(t, "\uFFFD\uFFFD", items[0].Text)
}

// TestLongNames are taken up to one length, however they are read.
func TestLongNames(t *testing.T) {
	t.Parallel()
	for n := maxName - 5; n <= maxName+10; n++ {
		name := strings.Repeat("a", n)
		for _, body := range []string{
			"<response><" + name + "/></response>", "<response><" + name + "></" + name + "></response>", "<response " + name + "='1'/>", "<response><?" + name + "?></response>",
		} {
			for _, size := range []int{1, 3, 4, 17, 1000, bufferSize - 1, bufferSize, bufferSize + 1, 2 * bufferSize} {
				var v everyKind
				err := Decode(chunked([]byte(body), size), &v)
				if n <= maxName {
					require.NoError(t, err, "%d in chunks of %d", n, size)
				} else {
					require.ErrorContains(t, err, "name is too long", "%d in chunks of %d", n, size)
				}
			}
		}
	}
}

// TestNameCharacters takes every name that encoding/xml takes, and refuses what
// belongs to no name, such as a no-break space.
func TestNameCharacters(t *testing.T) {
	t.Parallel()
	var doc struct{}
	for r := rune(0x80); r <= 0x3FFFF; r++ {
		if r > 0xFFFF {
			r += 100 // these differ little
		}
		if r >= 0xD800 && r < 0xE000 {
			continue
		}
		for _, name := range []string{string(r), "a" + string(r)} {
			if body := "<response><" + name + "/></response>"; xml.Unmarshal([]byte(body), &doc) == nil {
				if err := Decode(strings.NewReader(body), &doc); err != nil {
					require.NoError(t, err, "%q", body)
				}
			}
		}
	}
	for _, name := range []string{"a\u00a0b", "\u00a0a", "\u2003a", "\u00b7a", "\u0301a", "a×", "a÷", "a\uFFFE", "a\u2028", "a\xFF", "a\xE4\xBD", "a\xED\xA0\x80", "a\U000F0000"} {
		for _, body := range []string{
			"<response><" + name + "/></response>", "<response " + name + "='1'/>", "<response x='1'" + name + "='1'/>", "<response><?" + name + "?></response>", "<response></response" + name + ">", "<" + name + "/>",
		} {
			for n := range 8 {
				require.Error(t, Decode(chunked([]byte(body), n+1), &doc), "%q", body)
			}
		}
	}
	require.Equal(t, map[string]string{"a·": "1", "é́": "2", "名前": "3", "x‿y": "4"},
		decode[everyKind](t, "<response a·='1'><é́>2</é́><名前>3</名前><x‿y>4</x‿y></response>").Rest)
}

// TestOffsetsCountTheDocument also where it was transcoded, and a byte has become
// several.
func TestOffsetsCountTheDocument(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 3 * bufferSize} {
		text := strings.Repeat("\xE9", size)
		for _, broken := range []string{"<s></t>", "<s>&x;</s>", "<s", "<i>\xE9</i>", ""} {
			for _, tc := range []string{"<?xml version='1.0' encoding='latin1'?>", "<?xml version='1.0' encoding='windows-1252'?>"} {
				before := tc + "<response><s>" + text + "</s><!-- " + text + " -->"
				body := []byte(before + broken)
				for _, n := range []int{1, 2, 7, 1000, len(body)} {
					syntax, ok := errors.AsType[*SyntaxError](Decode(chunked(body, n), &everyKind{}))
					require.True(t, ok)
					require.GreaterOrEqual(t, syntax.Offset, int64(len(before)))
					require.LessOrEqual(t, syntax.Offset, int64(len(body)))
				}
			}
		}
	}
}

// TestTranscodingKeepsOneBuffer counts what small reads cost.
func TestTranscodingKeepsOneBuffer(t *testing.T) {
	body := []byte("<?xml version='1.0' encoding='latin1'?><response><s>" + strings.Repeat("\xE9", 10_000) + "</s></response>")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, Decode(chunked(body, 3), &everyKind{}))
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestDecodeNamespaceWithoutAName(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string]string{"xmlns:": "u"}, decode[everyKind](t, `<response xmlns="x" xmlns:y="z" xmlns:="u"/>`).Rest)
}

// TestErrorsSpeakOfTheDocument only: they end in the text of the client's errors.
func TestErrorsSpeakOfTheDocument(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html/>", "<response>", said("&x;")} {
		require.NotContains(t, Decode(strings.NewReader(body), &everyKind{}).Error(), "wire")
	}
	require.NotContains(t, Check(everyKind{}).Error(), "wire: ")
}

// TestBrokenReaders tells a connection that was cut from a document that ends too
// early: the reader's own error comes out as it is.
func TestBrokenReaders(t *testing.T) {
	t.Parallel()
	for _, body := range append(slices.Clone(chunkSeeds), seeds(t)...) {
		for _, broken := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe, fmt.Errorf("read: %w", io.EOF)} {
			whole := Decode(strings.NewReader(body), &everyKind{})
			cut, refused := errors.AsType[*SyntaxError](whole)
			for _, r := range readers(body) {
				err := Decode(io.MultiReader(r, iotest.ErrReader(broken)), &everyKind{})
				if refused && !errors.Is(cut, io.ErrUnexpectedEOF) {
					require.Equal(t, whole, err, "%q", body)
				} else {
					require.Equal(t, broken, err, "%q", body)
				}
			}
		}
		if len(body) < 500 {
			for n := range len(body) {
				err := Decode(strings.NewReader(body[:n]), &everyKind{})
				if errors.Is(err, io.ErrUnexpectedEOF) {
					_, ok := errors.AsType[*SyntaxError](err)
					require.True(t, ok, "%q", body[:n])
				}
			}
		}
	}
}
