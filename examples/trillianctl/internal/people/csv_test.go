package people

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	t.Parallel()
	want := []Row{
		{Line: 2, Address: "anna@example.com", DisplayName: "Anna Ö", Email: "a@example.com", Password: "s3cret", Chats: []string{"General", "#68f0@example.com"}},
		{Line: 4, Address: "ben@example.com", Removed: true},
	}
	for name, text := range map[string]string{
		"plain":              "address,display_name,email,password,state,chats\nanna@example.com,Anna Ö,a@example.com,s3cret,,General|#68f0@example.com\n\nben@example.com,,,,removed,\n",
		"windows":            "address,display_name,email,password,state,chats\r\nanna@example.com,Anna Ö,a@example.com,s3cret,active,General|#68f0@example.com\r\n\r\nben@example.com,,,,removed,\r\n",
		"byte order mark":    "\xef\xbb\xbfaddress,display_name,email,password,state,chats\nanna@example.com,Anna Ö,a@example.com,s3cret,,General|#68f0@example.com\n\nben@example.com,,,,removed,",
		"semicolons":         "address;display_name;email;password;state;chats\nanna@example.com;Anna Ö;a@example.com;s3cret;;General | #68f0@example.com\n\nben@example.com;;;;removed;\n",
		"spelled and spaced": "Address,Display Name,E-mail,password,state,chats\nanna@example.com,Anna Ö,a@example.com,s3cret,,General|#68f0@example.com\n\nben@example.com,,,,removed,\n",
		"quoted":             "\"address\",display-name,email,password,state,chats\n\"anna@example.com\",\"Anna Ö\",a@example.com,s3cret,,\"General|#68f0@example.com\"\n\nben@example.com,,,,removed,\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "spelled and spaced" {
				text = strings.Replace(text, "E-mail", "Email", 1)
			}
			rows, err := Read(strings.NewReader(text), "people.csv", 0)
			require.NoError(t, err)
			require.Equal(t, want, rows)
		})
	}
}

func TestReadWrongFiles(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		var b strings.Builder
		b.WriteString("address\n")
		for i := range n {
			fmt.Fprintf(&b, "user%d@example.com\n", i)
		}
		return b.String()
	}
	for name, test := range map[string]struct{ text, want string }{
		"empty":           {"", "people.csv: is empty: its first line names the columns (address, display_name, email, password, state, chats)"},
		"no rows":         {"address\n", "people.csv: has no rows below its header"},
		"no header":       {"anna@example.com,hunter2\n", "people.csv:1: the column address is missing: the first line names"},
		"missing column":  {"email,display_name\na@example.com,Anna\n", "people.csv:1: the column address is missing"},
		"unknown column":  {"address,departement\na@example.com,IT\n", "people.csv:1: column 2 is \"departement\""},
		"column twice":    {"address,Address\na@example.com,b@example.com\n", "people.csv:1: the column address comes twice"},
		"duplicate":       {"address\nanna@example.com\nben@example.com\nAnna@Example.com\n", "people.csv:4: address \"Anna@Example.com\" is on line 2 too"},
		"empty address":   {"address,email\n,a@example.com\n", "people.csv:2: address is empty"},
		"not an address":  {"address\nanna\n", "people.csv:2: address \"anna\" is not of the form name@domain"},
		"slash":           {"address\na/b@example.com\n", "people.csv:2: address \"a/b@example.com\" has white space or a slash in it"},
		"a chat's":        {"address\n#68f0@example.com\n", "people.csv:2: address \"#68f0@example.com\" is a group chat's"},
		"Latin 1":         {"address,display_name\nanna@example.com,Anna\nben@example.com,J\xfcrgen\n", "people.csv:3: display_name is not UTF-8: save the file as CSV in UTF-8"},
		"UTF-16":          {"\xff\xfea\x00d\x00", "people.csv:1: the file is UTF-16: save it as CSV in UTF-8"},
		"UTF-16, no mark": {"a\x00d\x00d\x00r\x00e\x00s\x00s\x00\n\x00", "people.csv:1: the column address is missing"},
		"control":         {"address,display_name\nanna@example.com,\"An\nna\"\n", "people.csv:2: display_name has a control character or a second line"},
		"too few cells":   {"address,email\nanna@example.com,a@example.com\nben@example.com\n", "people.csv:3: has 1 cells, and the header has 2"},
		"a stray quote":   {"address,email\nanna@example.com,a\"b\n", "people.csv:2: bare \" in non-quoted-field in column"},
		"an open quote":   {"address,email\nanna@example.com,\"a@example.com\nben@example.com,b\n", "people.csv:2: extraneous or missing \" in quoted-field in a row that goes on to line 3"},
		"unknown state":   {"address,state\nanna@example.com,fired\n", "people.csv:2: state is \"fired\": write active (or nothing) or removed"},
		"chat twice":      {"address,chats\nanna@example.com,General|General\n", "people.csv:2: chats has \"General\" twice"},
		"too many":        {many(100_000), "people.csv:50002: is row 50001: at most 50000 are read (--max-rows)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := Read(strings.NewReader(test.text), "people.csv", 0)
			require.Nil(t, rows)
			_, ok := errors.AsType[*Problems](err)
			require.True(t, ok, "%v", err)
			require.True(t, strings.HasPrefix(err.Error(), test.want), "%v", err)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "hunter2", "a password is not told")
		})
	}
}

func TestReadAHundredThousandRowsWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("address\n")
	for i := range 100_000 {
		fmt.Fprintf(&b, "user%d@example.com\n", i)
	}
	rows, err := Read(strings.NewReader(b.String()), "people.csv", 100_000)
	require.NoError(t, err)
	require.Len(t, rows, 100_000)
	require.Equal(t, Row{Line: 100_001, Address: "user99999@example.com"}, rows[99_999])
}

func TestReadTellsSeveralProblemsAndNotAll(t *testing.T) {
	t.Parallel()
	text := "address\n" + strings.Repeat("anna\n", 30)
	_, err := Read(strings.NewReader(text), "people.csv", 0)
	require.Equal(t, 21, strings.Count(err.Error(), "\n")+1)
	require.True(t, strings.HasSuffix(err.Error(), "people.csv: and 39 more"), "%v", err)
}

func TestReadNeverTellsAPassword(t *testing.T) {
	t.Parallel()
	_, err := Read(strings.NewReader("address,password\nanna@example.com,hunter2\x01\nben,hunter3\n"), "people.csv", 0)
	require.ErrorContains(t, err, "people.csv:2: password has a control character")
	require.NotContains(t, err.Error(), "hunter")
	rows, err := Read(strings.NewReader("address,password\nanna@example.com, hunter2 \n"), "people.csv", 0)
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", rows, rows, rows), "hunter")
	require.Equal(t, " hunter2 ", string(rows[0].Password), "white space may be meant")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("address,chats\nanna@example.com,General|Sales\n"))
	f.Add([]byte("\xef\xbb\xbfaddress;email\n\"a@b\";\xff\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := Read(strings.NewReader(string(data)), "people.csv", 10)
		if err != nil {
			require.Nil(t, rows)
			return
		}
		require.NotEmpty(t, rows)
		for _, row := range rows {
			require.NoError(t, checkAddress(row.Address))
			require.Greater(t, row.Line, 1)
		}
	})
}
