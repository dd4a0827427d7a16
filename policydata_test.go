package trillian_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

func TestPolicyDataEdits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want trillian.PolicyData }{
		"replaces in place":           {trillian.PolicyData("a 1\nb 2\nc 3\n").With("b", "9"), "a 1\nb 9\nc 3\n"},
		"appends":                     {trillian.PolicyData("a 1\n").With("b", "2"), "a 1\nb 2\n"},
		"ends the last line first":    {trillian.PolicyData("a 1").With("b", "2"), "a 1\nb 2\n"},
		"begins":                      {trillian.PolicyData("").With("b", "2"), "b 2\n"},
		"keeps a missing line end":    {trillian.PolicyData("a 1\nb 2").With("b", "9"), "a 1\nb 9"},
		"keeps CR LF":                 {trillian.PolicyData("a 1\r\nb 2\r\n").With("a", "9"), "a 9\r\nb 2\r\n"},
		"leaves one of a kind":        {trillian.PolicyData("a 1\nb 2\na 3\n").With("a", "9"), "a 9\nb 2\n"},
		"keeps what it does not know": {trillian.PolicyData("# x\n\n\ta\na  1\n").With("a", "2"), "# x\n\n\ta\na 2\n"},
		"a value may have spaces":     {trillian.PolicyData("").With("a", "b  c "), "a b  c \n"},
		"removes":                     {trillian.PolicyData("a 1\nb 2\na 3\n").Without("a"), "b 2\n"},
		"removes nothing":             {trillian.PolicyData("a 1\nb 2").Without("c"), "a 1\nb 2"},
		"a prefix is another key":     {trillian.PolicyData("ab 1\n").Without("a"), "ab 1\n"},
	} {
		require.Equal(t, c.want, c.got, name)
	}
}

func TestPolicyDataItems(t *testing.T) {
	t.Parallel()
	var got []string
	for key, value := range trillian.PolicyData("a 1\n\nb\nc  two words \r\n d\n").Items() {
		got = append(got, key+"="+value)
	}
	require.Equal(t, []string{"a=1", "b=", "c= two words "}, got)
	value, ok := trillian.PolicyData("a 1\na 2\n").Get("a")
	require.True(t, ok)
	require.Equal(t, "1", value)
	_, ok = trillian.PolicyData("a 1\n").Get("b")
	require.False(t, ok)
}

// TestPolicyDataThatIsNoItem shows that an item which would become two, or
// another one, reaches no server.
func TestPolicyDataThatIsNoItem(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, "")
	client := newClient(t, server.URL)
	for _, item := range [][2]string{{"", "1"}, {"a b", "1"}, {"a\tb", "1"}, {"a", "1\nb 2"}, {"a", "1\r"}, {"a\n", ""}} {
		data := trillian.PolicyData("x 1\n").With(item[0], item[1])
		_, err := client.Policies.Create(t.Context(), trillian.PolicyCreate{Name: "n", Data: data})
		require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", item)
		_, err = client.Policies.Update(t.Context(), 1, trillian.PolicyUpdate{Data: &data})
		require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", item)
	}
	require.Zero(t, server.Count())
}

func TestPolicyDataValid(t *testing.T) {
	t.Parallel()
	good := trillian.PolicyData("x 1\ny 2\n")
	for want, data := range map[string]trillian.PolicyData{
		`has the key "", which is no word`:                             good.With("", "1"),
		`has the key "a b", which is no word`:                          good.With("a b", "1"),
		`has the key "a\nb", which is no word`:                         good.With("a\nb", "1").With("z", "2"),
		`has the key "a\x00b", which is no word`:                       good.With("a\x00b", "1"),
		`has a value of several lines, or with a NUL, for the key "x"`: good.With("x", "1\n2"),
		`has a value of several lines, or with a NUL, for the key "y"`: good.With("y", "\x00").Without("y"),
	} {
		err := data.Valid()
		require.EqualError(t, err, "trillian: data "+want)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
		for key := range data.Items() {
			require.Contains(t, "x y z", key, "what is no item is none")
		}
	}
	for _, data := range []trillian.PolicyData{"", good, policy1, "no item: x\n", "\x00", "a \x00\n\x00 b\n", "\xff\r\n"} {
		require.NoError(t, data.Valid(), "%q", data)
	}
}

// TestPolicyDataOfTheServersOwn changes a policy that has a NUL in it.
func TestPolicyDataOfTheServersOwn(t *testing.T) {
	t.Parallel()
	server := servertest.New(t, 200, `<response><policy id="1"><data>YSAAMQpiIDIK</data></policy></response>`)
	policies := newClient(t, server.URL).Policies
	policy, err := policies.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, trillian.PolicyData("a \x001\nb 2\n"), policy.Data)
	_, err = policies.Update(t.Context(), 1, trillian.PolicyUpdate{Data: new(policy.Data.With("b", "3"))})
	require.NoError(t, err)
	require.Equal(t, "YSAAMQpiIDMK", server.Seen[1].Form.Get("data"))
}

func TestPolicyDataDiff(t *testing.T) {
	t.Parallel()
	show := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"the same":           {"a 1\nb 2\n", "a 1\nb 2\n", ""},
		"order is none":      {"a 1\nb 2\n", "b 2\r\n\na 1", ""},
		"changed":            {"a 1\nb 2\n", "a 1\nb 3\n", "b:2>3 "},
		"in order":           {"d 1\nc 2\nb 3\n", "a 9\nb 4\nc 2\ne 5\n", "d:1>- b:3>4 a:->9 e:->5 "},
		"made empty":         {"a 1\n", "a\n", "a:1> "},
		"one of a kind less": {"a 1\na 2\nb 3\n", "a 1\nb 3\n", "a:2>- "},
		"one of a kind more": {"a 1\n", "a 2\na 3\n", "a:1>2 a:->3 "},
		"all":                {"", "a 1\n", "a:->1 "},
		"none":               {"a 1\n", "", "a:1>- "},
	} {
		var got strings.Builder
		for _, change := range trillian.PolicyData(c.from).Diff(trillian.PolicyData(c.to)) {
			got.WriteString(change.Key + ":" + show(change.Old) + ">" + show(change.New) + " ")
		}
		require.Equal(t, c.want, got.String(), name)
	}
	require.Equal(t, `a.b: "1\n" → none`, trillian.PolicyChange{Key: "a.b", Old: new("1\n")}.String())
	require.Equal(t, `a.b: none → ""`, fmt.Sprint(trillian.PolicyChange{Key: "a.b", New: new("")}))
}

func TestPolicyDataBase64(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"YSAxCg==", " YSAx\n Cg== ", "YSAxCg", "\tYSAxCg==\r\n"} {
		var d trillian.PolicyData
		require.NoError(t, d.UnmarshalText([]byte(text)))
		require.Equal(t, trillian.PolicyData("a 1\n"), d)
	}
	for _, text := range []string{"YSAxCg=", "!", "a", "YSAx Cg==="} {
		var d trillian.PolicyData
		require.Error(t, d.UnmarshalText([]byte(text)), text)
		require.Empty(t, d)
	}
}

func FuzzPolicyData(f *testing.F) {
	f.Add("a 1\nb 2\n", "a", "9")
	f.Add(string(policy1), "trillian.history.cloud", "0")
	f.Add("", "k", "")
	f.Add("x\r\n\n y", "a b", "c\nd")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		d := trillian.PolicyData(text)
		packed, err := d.MarshalText()
		require.NoError(t, err)
		var again trillian.PolicyData
		require.NoError(t, again.UnmarshalText(packed))
		require.Equal(t, d, again)

		with := d.With(key, value)
		if d.Valid() != nil || with.Valid() != nil {
			return // refused before it is sent
		}
		for _, change := range d.Diff(with) {
			require.Equal(t, key, change.Key)
		}
		require.Empty(t, with.Diff(with))
		got, ok := with.Get(key)
		require.True(t, ok)
		require.Equal(t, value, got)
		for k, v := range with.Items() {
			if k != key {
				_, was := d.Get(k)
				require.True(t, was, "the item %q %q came from nowhere", k, v)
			}
		}
		_, ok = with.Without(key).Get(key)
		require.False(t, ok)
	})
}
