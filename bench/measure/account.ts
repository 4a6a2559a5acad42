/**
 * Who pays for what: an account collects the cpu time of a program and of everything that it starts, also of what
 * detaches itself into another session and is waited for by nobody of the tree. The cgroup account is exact. The
 * sampled one is for machines where no group can be made; results name which one was used.
 */
export interface Account {
  /** The command that enters the account and then becomes this command. */
  readonly enter: (argv: readonly string[]) => readonly string[];
  /** Environment that members of the account need to have. */
  readonly env: Readonly<Record<string, string>>;
  /** Of all members so far, ended ones included. */
  readonly cpuSeconds: () => number;
  /** Members that are alive. To be called a few times a second: the sampled account sees cpu time in no other way. */
  readonly pids: () => readonly number[];
  /** Ends all members and the account. */
  readonly close: () => Promise<void>;
}

export interface AccountKind {
  /** As results name it. */
  readonly name: string;
  readonly open: () => Account;
}
