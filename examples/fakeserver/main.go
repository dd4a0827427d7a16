// Fakeserver serves an in-memory Trillian Server with a sample company, or with a
// generated one of any size, so that a tool in any language can be tried on it. It
// prints its base URL, its tokens and some requests to begin with, can fail in the
// ways that a network does, and ends on an interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the making of a huge company
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

// settings are the command line's.
type settings struct {
	address, token      string
	tls, tokens         bool
	users, chats, weeks int
	faults              []faultFlag
}

func parse(args []string, output io.Writer) (settings, error) {
	var set settings
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&set.address, "addr", "127.0.0.1:8080", "`address` to listen on")
	flags.StringVar(&set.token, "token", "", "administrator's `token`, a random one by default")
	flags.BoolVar(&set.tokens, "tokens", false, "print the tokens of all users")
	flags.BoolVar(&set.tls, "tls", false, "serve https, with a certificate made for it, whose SHA-256 pin is printed")
	flags.IntVar(&set.users, "users", 0, "generate a company of as many users, instead of the reference's sample; the same `number`s make the same company")
	flags.IntVar(&set.chats, "chats", 10, "`number` of its group chats")
	flags.IntVar(&set.weeks, "weeks", 10, "`number` of weeks that it has messages of")
	flags.Func("fault", faultUsage, func(text string) error {
		fault, err := parseFault(text)
		set.faults = append(set.faults, fault)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return set, err
	}
	if flags.NArg() > 0 {
		return set, fmt.Errorf("fakeserver: unexpected argument %q", flags.Arg(0))
	}
	var err error
	flags.Visit(func(f *flag.Flag) {
		if (f.Name == "chats" || f.Name == "weeks") && set.users == 0 {
			err = fmt.Errorf("fakeserver: -%s is of a generated company, which -users asks for", f.Name)
		}
	})
	return set, err
}

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	set, err := parse(args, stdout)
	if err != nil {
		return err
	}
	opts := []trilliantest.Option{trilliantest.WithAddress(set.address), trilliantest.WithToken(set.token)}
	if set.users == 0 {
		opts = append(opts, trilliantest.WithSampleCompany())
	} else {
		opts = append(opts, trilliantest.WithGeneratedCompany(set.users, set.chats, set.weeks))
	}
	if set.tls {
		opts = append(opts, trilliantest.WithTLS())
	}
	server, err := trilliantest.Start(opts...)
	if err != nil {
		return err
	}
	defer server.Close()
	users, err := server.Client().Users.List(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	for _, fault := range set.faults { // after the server's own request
		fault.inject(server)
	}
	greet(stdout, set, server, users)
	<-ctx.Done()
	fmt.Fprintln(stdout, "Closing.")
	for _, text := range server.Unconsumed() {
		fmt.Fprintln(stdout, "A fault was never met:", text)
	}
	return nil
}

// greet says how the server is reached, and shows a user who writes to another.
func greet(w io.Writer, set settings, server *trilliantest.Server, users []trillian.User) {
	company := "the reference's sample company"
	if set.users > 0 {
		company = fmt.Sprintf("a generated company (users: %d, group chats: %d, weeks: %d)", set.users, set.chats, set.weeks)
	}
	sender, peer := users[0].Name, users[min(1, len(users)-1)].Name
	base := server.BaseURL()
	fmt.Fprintf(w, "A Trillian Server in memory, with %s.\n\n", company)
	line := func(label, text string) { fmt.Fprintf(w, "%-34s%s\n", label, text) }
	line("Base URL:", base)
	line("Administrator's token:", server.Token())
	line("Token of "+sender+":", server.TokenFor(sender))
	curl, environment := "curl", ""
	if pin := server.CertificatePin(); pin != "" {
		line("Certificate's SHA-256 pin:", pin)
		curl, environment = "curl --insecure", fmt.Sprintf(" TRILLIAN_CERTIFICATE_PIN='%s'", pin)
	} else if !isLoopback(base) {
		environment = " TRILLIAN_PLAIN_HTTP=1"
	}
	token, own := url.QueryEscape(server.Token()), url.QueryEscape(server.TokenFor(sender))
	fmt.Fprintf(w, `
In a URL the tokens are escaped. Read, create, and send a message as its sender:

%[1]s '%[2]sgroupchats/?members=1&token=%[3]s'
%[1]s '%[2]susers/?token=%[3]s' -d im=new@cerulean-inc.com -d password=secret -d email=new@cerulean-inc.com
%[1]s '%[2]susers/%[4]s/messages/?token=%[5]s' -d from=%[6]s --data-urlencode 'message=Hello & welcome!'

For programs that take them from the environment:

export TRILLIAN_BASE_URL='%[2]s' TRILLIAN_TOKEN='%[7]s'%[8]s
`, curl, base, token, url.PathEscape(peer), own, sender, server.Token(), environment)

	if set.tokens {
		fmt.Fprintln(w, "\nThe tokens of all users:")
		for _, u := range users {
			fmt.Fprintf(w, "%s\t%s\n", u.Name, server.TokenFor(u.Name))
		}
	}
	fmt.Fprintln(w, "\nNothing is kept when it ends, which an interrupt does.")
}

func isLoopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}
