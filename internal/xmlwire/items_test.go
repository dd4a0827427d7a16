package xmlwire

import (
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestItems(t *testing.T) {
	t.Parallel()
	for name, body := range samples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chats, err := collect[groupChat](strings.NewReader(body), "groupchat")
			require.NoError(t, err)
			require.Equal(t, decode[chatsDoc](t, body).Chats, chats)
			messages, err := collect[message](strings.NewReader(body), "messages>message")
			require.NoError(t, err)
			require.Equal(t, decode[messagesDoc](t, body).Messages, messages)
		})
	}
	ids, err := collect[*peer](strings.NewReader(`<response><x/><peers><peer id="1"/>text</peers><peer id="no"/><peers/><peers><y><peer/></y><peer id="2"/></peers></response>`), "peers>peer")
	require.NoError(t, err)
	require.Equal(t, []*peer{{1}, {2}}, ids)
	texts, err := collect[string](strings.NewReader(`<response><a>1</a><a>2</a></response>`), "a")
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, texts)
}

func TestCollect(t *testing.T) {
	t.Parallel()
	for name, body := range samples {
		want, err := collect[message](strings.NewReader(body), "messages>message")
		require.NoError(t, err)
		if len(want) == 0 {
			continue // of another kind
		}
		got, err := Collect[message](strings.NewReader(body), "messages>message", -1)
		require.NoError(t, err)
		require.NotNil(t, got)
		require.Equal(t, append([]message{}, want...), got, name)
	}
	const n = 20_000
	body := "<response>" + strings.Repeat("<a>1</a>", n) + "</response>"
	for _, size := range []int64{-1, 0, 1, int64(len(body)) / 2, int64(len(body)), 1 << 60, math.MinInt64} {
		got, err := Collect[int8](strings.NewReader(body), "a", size)
		require.NoError(t, err)
		require.Equal(t, slices.Repeat([]int8{1}, n), got, size)
		require.Less(t, cap(got), n+2*creditItems, "a size is the server's word, which room must not be left to")
	}
	got, err := Collect[string](strings.NewReader("<response><a>1</a><a>2</b></response>"), "a", -1)
	require.Error(t, err)
	require.Nil(t, got)
}

// TestNoItems tells a document without items from one that has something else in
// their place.
func TestNoItems(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"<response/>":                                                       "",
		"<response> </response>":                                            "",
		"<response><messages/></response>":                                  "",
		"<response><messages> </messages></response>":                       "",
		"<response><total>0</total><messages/></response>":                  "",
		"<response><messages/><total>0</total></response>":                  "",
		"<response><messages/><messages><x/></messages></response>":         "there is <x>, but no <message>",
		"<response><message/></response>":                                   "there is <message>, but no <messages>",
		"<response><page/><users><user/></users></response>":                "there is <page>, but no <messages>",
		"<response><messages><note><message/></note></messages></response>": "there is <note>, but no <message>",
		"<response><Messages><message/></Messages></response>":              "there is <Messages>, but no <messages>",
		"<response><é/></response>":                                         "there is <?>, but no <messages>",
	} {
		for _, size := range []int64{-1, int64(len(body))} {
			items, err := Collect[message](strings.NewReader(body), "messages>message", size)
			if want == "" {
				require.NoError(t, err, body)
				require.Empty(t, items)
				continue
			}
			require.ErrorIs(t, err, ErrNoItems, body)
			require.ErrorContains(t, err, want)
			require.Nil(t, items)
		}
	}
	for _, body := range []string{
		"<response><messages><x/><message/><y/></messages><z/></response>", "<response><message/><messages><message/></messages></response>",
	} {
		items, err := Collect[message](strings.NewReader(body), "messages>message", -1)
		require.NoError(t, err, body)
		require.Len(t, items, 1)
	}
}

func TestItemsAreIndependent(t *testing.T) {
	t.Parallel()
	items, err := collect[kinds](strings.NewReader(`<response><k><s>1</s><ss>1</ss><ss>1</ss><pi>1</pi><b>1</b></k><k/><k><ss>2</ss><pi>2</pi><b>2</b></k></response>`), "k")
	require.NoError(t, err)
	require.Equal(t, []kinds{{S: "1", SS: []string{"1", "1"}, PI: new(1), B: []byte("1")}, {}, {SS: []string{"2"}, PI: new(2), B: []byte("2")}}, items)
}

func TestItemsYieldsWhileBytesArrive(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	next := make(chan string, 1)
	go func() {
		_, _ = io.WriteString(w, "<response>")
		for text := range next {
			_, _ = io.WriteString(w, "<a>"+text+"</a>")
		}
		_, _ = io.WriteString(w, "</response>")
		_ = w.Close()
	}()
	want := []string{"1", "2", "3"}
	next <- want[0]
	n := 0
	for text, err := range Items[string](r, "a") {
		require.NoError(t, err)
		require.Equal(t, want[n], text)
		if n++; n < len(want) {
			next <- want[n]
		} else {
			close(next)
		}
	}
	require.Len(t, want, n)
}

func TestItemsStops(t *testing.T) {
	t.Parallel()
	r := strings.NewReader("<response>" + strings.Repeat("<a>1</a>", bufferSize) + "</response>")
	n := 0
	for _, err := range Items[string](r, "a") {
		require.NoError(t, err)
		if n++; n == 3 {
			break
		}
	}
	require.Equal(t, 3, n)
	require.NotZero(t, r.Len(), "what is left is not read")
}

func TestItemsYieldsAnErrorOnceAndLast(t *testing.T) {
	t.Parallel()
	var got []string
	var errs []error
	for text, err := range Items[string](strings.NewReader("<response><a>1</a><a>2</a><a>3</b></response>"), "a") {
		got = append(got, text)
		errs = append(errs, err)
	}
	require.Equal(t, []string{"1", "2", ""}, got)
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	require.Error(t, errs[2])
}

func TestItemsMayBeNested(t *testing.T) {
	t.Parallel()
	body := "<response><a>1</a><a>2</a></response>"
	var got []string
	for outer, err := range Items[string](strings.NewReader(body), "a") {
		require.NoError(t, err)
		for inner, err := range Items[string](strings.NewReader(body), "a") {
			require.NoError(t, err)
			got = append(got, outer+inner)
		}
	}
	require.Equal(t, []string{"11", "12", "21", "22"}, got)
}
