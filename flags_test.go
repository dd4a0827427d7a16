package trillian_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

func TestGroupChatFlags(t *testing.T) {
	t.Parallel()
	for text, flags := range map[string]trillian.GroupChatFlags{
		"0":                    0,
		"DELETED":              trillian.GroupChatDeleted,
		"DISABLE_LIST|0x40000": trillian.GroupChatDisableList | 0x40000,
		"0xc0000000":           0xc0000000,
		"DISABLE_DISPLAYNAME_SET|DISABLE_TOPIC_SET|DISABLE_LIST|DISABLE_MEMBER_ADD|DISABLE_MEMBER_REMOVE|DISABLE_MESSAGE_SEND": 0x3f00,
	} {
		require.Equal(t, text, flags.String())
		parsed, err := trillian.ParseGroupChatFlags(text)
		require.NoError(t, err)
		require.Equal(t, flags, parsed, text)
	}
	both := trillian.GroupChatDisableList | trillian.GroupChatDeleted
	require.True(t, both.Has(trillian.GroupChatDeleted))
	require.False(t, trillian.GroupChatDeleted.Has(both), "Has asks for every flag")
	require.Equal(t, trillian.GroupChatDisableList, both.Without(trillian.GroupChatDeleted))
	require.Equal(t, both, trillian.GroupChatDeleted.With(trillian.GroupChatDisableList))
}

func TestParseFlags(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]trillian.MemberFlags{
		" op | voice ": trillian.MemberOp | trillian.MemberVoice,
		"GROUPCHAT_MEMBER_OP|GROUPCHAT_MEMBER_OP": trillian.MemberOp,
		"3":                    3,
		"GROUPCHAT_MEMBER_BOT": trillian.MemberBot,
		"0x10|OP":              0x11,
		"4294967295":           0xffffffff,
	} {
		got, err := trillian.ParseMemberFlags(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "|", "OP|", "OPS", "DISABLE_LIST", "-1", "4294967296", "0b1", "1_0", "0x", "OP VOICE", "+1"} {
		got, err := trillian.ParseMemberFlags(text)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument, "%q", text)
		require.Zero(t, got)
	}
}

func FuzzFlags(f *testing.F) {
	for _, seed := range []string{"0", "OP|VOICE", "DISABLE_LIST|0x40000", "groupchat_deleted", "4294967296", "|", "0x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		flags, err := trillian.ParseGroupChatFlags(text)
		if err != nil {
			require.Zero(t, flags)
			require.ErrorIs(t, err, trillian.ErrInvalidArgument)
			return
		}
		again, err := trillian.ParseGroupChatFlags(flags.String())
		require.NoError(t, err)
		require.Equal(t, flags, again)
	})
}
