package main

import (
	"github.com/spf13/cobra"
)

// newRootCommand builds the tree of commands, each of which runs on the app.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "trillianctl",
		Short: "Administer a Trillian Server",
		Long: `Administer a Trillian Server.

The server and the token are those of the environment (TRILLIAN_BASE_URL,
TRILLIAN_TOKEN or TRILLIAN_TOKEN_FILE, TRILLIAN_CERTIFICATE_PIN, TRILLIAN_CA_FILE)
or of a context in the configuration file. --fake needs neither: it is a server in
memory, with a sample company, that lasts as long as the command does.

Exit codes: 0 done, 1 failed, 2 usage (nothing was changed), 3 not found,
4 outcome unknown (it may have been carried out: look before you repeat it).`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          needCommand,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)

	flags := root.PersistentFlags()
	flags.StringVar(&a.contextName, "context", "", "`name` of the context to use, instead of the environment or the current one")
	flags.StringVar(&a.configPath, "config", "", "the configuration `file` (default $TRILLIANCTL_CONFIG, or trillianctl/config.json where configurations are)")
	flags.BoolVar(&a.fake, "fake", false, "run on a server in memory with a sample company")
	flags.StringVar(&a.fakeScale, "fake-scale", "", "run on a server in memory with a generated company of `USERSxCHATSxWEEKS`, such as 1000x50x100")
	flags.BoolVar(&a.dryRun, "dry-run", false, "print the requests that would change something instead of sending them; what only reads is sent")
	flags.BoolVar(&a.yes, "yes", false, "do not ask before something is deleted or overwritten")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log every call on standard error")

	root.AddCommand(
		newUsersCommand(a), newGroupsCommand(a), newPeersCommand(a), newPoliciesCommand(a),
		newChatsCommand(a), newMembersCommand(a), newMediaCommand(a), newMessagesCommand(a), newPresenceCommand(a),
		newAvatarsCommand(a), newArchiveCommand(a), newDoctorCommand(a), newContextsCommand(a),
	)
	markRunning(a, root)
	return root
}

// markRunning notes when a command begins: an error before that is one of usage.
func markRunning(a *app, cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.running = true
			return run(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		markRunning(a, child)
	}
}
