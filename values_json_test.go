package trillian_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// TestJSON holds what a tool that keeps values in JSON files relies on: what the
// operations return for the reference's samples comes back as it was.
func TestJSON(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`"([^"]*)":`)
	kinds := map[reflect.Type]bool{}
	for _, op := range allOperations() {
		if op.want == nil {
			continue
		}
		b, err := json.Marshal(op.want)
		require.NoError(t, err)
		again := reflect.New(reflect.TypeOf(op.want))
		require.NoError(t, json.Unmarshal(b, again.Interface()))
		require.Equal(t, op.want, again.Elem().Interface(), op.name)
		kinds[again.Type()] = true
	}
	require.GreaterOrEqual(t, len(kinds), 15)

	week := trillian.WeekMessages{Week: sampleConversation().Weeks[0], Messages: sampleMessages()}
	b, err := json.Marshal([]any{generalChat(), createdGroup(), samplePresence(), sampleConversation(), week, trillian.PolicyChange{}})
	require.NoError(t, err)
	for _, found := range name.FindAllSubmatch(b, -1) {
		require.Regexp(t, `^[a-z]+([A-Z][a-z]+)*$`, string(found[1]))
	}
}

// TestJSONAsPeopleReadIt writes it out.
func TestJSONAsPeopleReadIt(t *testing.T) {
	t.Parallel()
	message := sampleMessages()[0]
	message.Fields = map[string]string{"type": "outgoing_groupMessage"}
	for want, v := range map[string]any{
		`{"name":"smw@cerulean-inc.com","status":2,"message":"Away since 10:49 AM EDT","timestamp":"2016-05-26T14:49:22Z",` +
			`"devices":[{"ip":"192.168.1.138","name":"BONECRUSHER.D899F043","platform":"Windows","version":"6.0","build":"50"}]}`: samplePresence(),
		`{"timestamp":"2016-05-25T18:29:32.389Z","from":"smw@cerulean-inc.com","text":"This is a test of our new group chat.",` +
			`"conversation":"c798b870f797b37878fe19cf05198f50d88273dd","fields":{"type":"outgoing_groupMessage"}}`: message,
		`{"id":2,"name":"IT","data":"trillian.history.cloud 1\ntrillian.history.disclaimer.frequency 1440\ntrillian.settings.contacts.groups server\n"}`: trillian.Policy{ID: 2, Name: "IT", Data: policy2},
		`{"name":"#x","displayName":"Sales","flags":1024,"messageTimestamp":null,"topic":""}`:                                                            trillian.GroupChat{Name: "#x", DisplayName: "Sales", Flags: trillian.GroupChatDisableList},
		`{"id":4,"displayName":"","name":"","parent":0,"peers":{"href":"h","items":[{"id":1}]},"policy":0,"priority":0,"type":1}`: trillian.Group{
			ID: 4, Type: trillian.GroupTypeLDAP, Peers: trillian.Collection[trillian.Peer]{Href: "h", Items: []trillian.Peer{{ID: 1}}},
		},
		`{"ip":"","name":"","platform":"","version":"","build":""}`: trillian.Device{},
		`{"name":"a@b","email":"","displayName":""}`:                trillian.User{Name: "a@b"},
		`{"name":"a@b","flags":3}`:                                  trillian.Member{Name: "a@b", Flags: trillian.MemberOp | trillian.MemberVoice},
	} {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
}

func TestTimestampInJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]trillian.Timestamp{
		"null": {}, `""`: {}, "0": {}, `"0001-01-01T00:00:00Z"`: {},
		"1464200972389": millis(1464200972389), "1464196567": seconds(1464196567), `"1464196567"`: seconds(1464196567),
		`"2016-05-25T18:29:32.389Z"`: millis(1464200972389),
	} {
		got := millis(1)
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{`"x"`, "1.5", "true", "[]", "{}"} {
		got := millis(1)
		require.Error(t, json.Unmarshal([]byte(text), &got), text)
		require.Equal(t, millis(1), got)
	}
}

// TestPolicyDataInJSON is its text, and none of its bytes are lost where it is none.
func TestPolicyDataInJSON(t *testing.T) {
	t.Parallel()
	for want, data := range map[string]trillian.PolicyData{
		`"a 1\nb \u003c2\u003e\n"`: "a 1\nb <2>\n",
		`""`:                       "",
		`"YSAxCg=="`:               "YSAxCg==", // the text, though it looks like Base64
		`"a \u0000\r\n"`:           "a \x00\r\n",
		"\"日本 \uFFFD\"":            "日本 \uFFFD",
		`{"base64":"YSD/gAo="}`:    "a \xff\x80\n",
	} {
		b, err := json.Marshal(data)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
		var again trillian.PolicyData
		require.NoError(t, json.Unmarshal(b, &again))
		require.Equal(t, data, again)
	}
	for _, text := range []string{"1", "[]", `{"base64":"!"}`, `{"base64":1}`, "{}", `{"text":"a 1"}`, `{"base64":""} x`} {
		data := trillian.PolicyData("a 1")
		require.Error(t, json.Unmarshal([]byte(text), &data), text)
		require.Equal(t, trillian.PolicyData("a 1"), data)
	}
	data := trillian.PolicyData("a 1")
	require.NoError(t, json.Unmarshal([]byte("null"), &data))
	require.Equal(t, trillian.PolicyData("a 1"), data, "as encoding/json has it for a string")
}
