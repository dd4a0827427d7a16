// Package trillian is a client of the Trillian Server REST API: it administers
// the group chats, groups, policies, presence and users of a Trillian Server,
// Cerulean Studios' instant messenger for businesses, in the cloud or in-house.
//
// # A first program
//
//	client, err := trillian.NewClient(token, trillian.WithBaseURL("https://im.example.com/v1/"))
//	if err != nil {
//		return err
//	}
//	chats, err := client.GroupChats.List(ctx, nil)
//
// The client mirrors the reference's table of contents: what its page "Group
// Chats, Members, Add" describes is client.GroupChats.Members.Add, and every
// method's comment names its operation. [Client.Do] reaches what has no method.
//
// Lists come in two ways. List collects an answer, All yields it while it arrives:
//
//	for user, err := range client.Users.All(ctx) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(user.Name)
//	}
//
// An All yields an error once, last. [MessagesService.All] walks a whole message
// history, several weeks at once, in order.
//
// # Creating and updating
//
// A …Create has plain fields. An …Update has pointers: nil leaves a field alone,
// new("") makes it empty. An update that changes nothing is refused.
//
//	client.GroupChats.Update(ctx, chat.Name, trillian.GroupChatUpdate{Topic: new("Lunch at noon")})
//
// A message is sent with the token of its sender, not an administrator's:
//
//	as, err := client.WithToken(senderToken)
//	as.Users.Messages.Send(ctx, "kwk@example.com", trillian.MessageSend{From: "smw@example.com", Text: "Hello"})
//
// # Errors
//
// Nothing is sent when an argument cannot be: that is an [*ArgumentError]. What
// the server refuses is an [*Error], for which errors.Is holds with [ErrNotFound],
// [ErrUnauthorized] and the other sentinels. What is not an answer of a Trillian
// Server, say a proxy's HTML page, is a [*DecodeError]. A redirect is never
// followed but is a [*RedirectError]. No value comes with an error, and no value
// is ever half filled.
//
// errors.Is(err, [ErrOutcomeUnknown]) means that a POST or PATCH may have been
// carried out although its answer was lost: look before you repeat it.
//
// # What is tried again
//
// A call makes up to four requests (see [RetryPolicy]), with full jitter between
// them, as long as the context lasts and a budget shared by all calls allows: an
// outage does not multiply the load.
//
//	failure                                             GET HEAD PUT DELETE   POST PATCH
//	never connected (refused, TLS handshake timed out)  again                 again
//	dropped or silent after sending; 408, 502, 504      again                 ErrOutcomeUnknown
//	429                                                 again                 again
//	503 with Retry-After                                again                 again
//	503 without                                         again                 ErrOutcomeUnknown
//	500, other 4xx, 3xx                                 no                    no
//	wrong certificate, host not found, own reader fails no                    no
//	good answer whose body breaks off                   again                 ErrOutcomeUnknown
//
// A Retry-After is waited for up to MaxRetryAfter; a longer one ends the call. An
// iterator that has yielded is not started again. The 404 that answers a
// repeated DELETE is the success of the first.
//
// # Secrets
//
// The token travels in the query of every request, but only the base transport
// sees it there: no error, log line, middleware or response has it. Passwords are
// of the type [Secret], which every way of printing shows as [redacted].
// SECURITY.md says what is promised and what is not.
//
// # Testing your own code
//
// Package trilliantest is a Trillian Server in memory, in one line of a test:
//
//	client := trilliantest.NewServer(t, trilliantest.WithSampleCompany()).Client()
package trillian
