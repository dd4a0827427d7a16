// Fakeserver serves an in-memory Trillian Server with a sample company, so that a
// tool in any language can be tried on it. It prints its base URL, its tokens and
// some requests to begin with, and ends on an interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/trillian-go/trillian/trilliantest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	flags.SetOutput(stdout)
	address := flags.String("addr", "127.0.0.1:8080", "`address` to listen on")
	token := flags.String("token", "", "administrator's `token`, a random one by default")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("fakeserver: unexpected argument %q", flags.Arg(0))
	}
	server, err := trilliantest.Start(
		trilliantest.WithSampleCompany(), trilliantest.WithAddress(*address), trilliantest.WithToken(*token))
	if err != nil {
		return err
	}
	defer server.Close()
	greet(stdout, server)
	<-ctx.Done()
	fmt.Fprintln(stdout, "Closing.")
	return nil
}

// The users of the sample company: one sends a message to the other.
const (
	sender = "smw@cerulean-inc.com"
	peer   = "kwk@cerulean-inc.com"
)

func greet(w io.Writer, server *trilliantest.Server) {
	base, token, own := server.BaseURL(), url.QueryEscape(server.Token()), url.QueryEscape(server.TokenFor(sender))
	fmt.Fprintf(w, `A Trillian Server in memory, with the reference's sample company.

Base URL:                         %s
Administrator's token:            %s
Token of %s:    %s

In a URL the tokens are escaped. Read, create, and send a message as its sender:

curl '%sgroupchats/?members=1&token=%s'
curl '%susers/?token=%s' -d im=new@cerulean-inc.com -d password=secret -d email=new@cerulean-inc.com
curl '%susers/%s/messages/?token=%s' -d from=%s --data-urlencode 'message=Hello & welcome!'

For programs that take them from the environment:

export TRILLIAN_BASE_URL='%s' TRILLIAN_TOKEN='%s'

Nothing is kept when it ends, which an interrupt does.
`, base, server.Token(), sender, server.TokenFor(sender),
		base, token, base, token, base, url.PathEscape(peer), own, sender, base, server.Token())
}
