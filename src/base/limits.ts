/**
 * Every limit of the system, named, with its reason. A limit that a user can meet is in an error message or
 * in the documentation by this name.
 */

/** Parsing a longer document would block the event loop for tens of milliseconds (yaml: 20 MB/s at best). */
export const MAX_INLINE_PARSE_BYTES = 64 * 1024;
/** A document is the user's text, not data: 10,000 tasks are under 6 MB. */
export const MAX_DOCUMENT_BYTES = 32 * 1024 * 1024;
/** Deeper nesting is a mistake or an attack; recursion in a parser must end. */
export const MAX_DOCUMENT_DEPTH = 100;
/** `spec.tasks`, before fan-out. */
export const MAX_TASK_ENTRIES = 10_000;
/** A text of a document: a script, a word, a path, the content of a file. As long as what expressions may make. */
export const MAX_TEXT_CHARS = 4 * 1024 * 1024;
/** A literal of a document: a folder, a key, a glob over names. Longer than any path; nobody can read a longer one. */
export const MAX_LITERAL_CHARS = 64 * 1024;
/** One annotation of a task: Kubernetes takes 256 KiB for all annotations of an object. */
export const MAX_ANNOTATION_CHARS = 256 * 1024;
/** The name of a parameter or of a column: a heading that people read. */
export const MAX_HEADING_CHARS = 256;
/** The name of an environment variable: beyond it some shells refuse the whole environment. */
export const MAX_ENV_NAME_CHARS = 255;
/** Name of a workflow: a label value has room for no more, and pods are found by their labels. */
export const MAX_WORKFLOW_NAME_CHARS = 63;
/** Inputs of one task, and outputs, and files: each has a name of its own; more of a kind are `paths` or a `glob`. */
export const MAX_FILE_ENTRIES = 10_000;
/** Entries of `params` and of `paramSchema`. */
export const MAX_PARAMS = 10_000;
/** Values that `enum` lists: each is held against every value. */
export const MAX_ENUM_VALUES = 10_000;
/** Words of `command` and of `args`: the kernel takes some 2 MiB of them. */
export const MAX_COMMAND_WORDS = 100_000;
/** Words of `shell`. */
export const MAX_SHELL_WORDS = 64;
/** Variables of one `env`. */
export const MAX_ENV_ENTRIES = 1_000;
/** Labels, and annotations, of one object. */
export const MAX_LABELS = 1_000;
/** Volumes, containers, labels of nodes in one overlay of a pod. */
export const MAX_POD_PARTS = 100;
/** As which the tasks of one backend may ask to run: whoever lists more should make backends of them. */
export const MAX_SERVICE_ACCOUNTS = 100;
/** Axes of one `matrix`: with two values each, 16 are 65,536 elements. */
export const MAX_MATRIX_AXES = 16;
/** Reasons in `retry.reasons`: more than there are. */
export const MAX_RETRY_REASONS = 100;
/** Codes in `retry.exitCodes`: all there are. */
export const MAX_EXIT_CODES = 256;
/** Elements of one fan-out. */
export const MAX_FANOUT_ELEMENTS = 500_000;
/** Tasks of one workflow after fan-out. */
export const MAX_TASKS = 500_000;
/** Edges of one workflow: joins of fan-outs multiply. */
export const MAX_EDGES = 10_000_000;
/** Diagnostics shown for one document; the rest is counted. */
export const MAX_DIAGNOSTICS = 100;
/** One CEL expression. */
export const MAX_EXPRESSION_CHARS = 16 * 1024;
/** One string that expressions make; a script's values must fit a process's memory many times. */
export const MAX_VALUE_BYTES = 4 * 1024 * 1024;
/** One part of a cluster's ledger, unpacked: what is packed into the 1 MiB that an object may have. */
export const MAX_LEDGER_PART_BYTES = 64 * 1024 * 1024;
/** Failing tasks in `status`, which must stay under 32 KB. */
export const MAX_FAILING_TASKS_IN_STATUS = 20;
/** Files up to this size count by content, larger ones by size and mtime (`fingerprint`). */
export const MAX_CONTENT_DIGEST_BYTES = 256 * 1024 * 1024;
/** A socket path is at most 107 bytes on Linux. */
export const MAX_SOCKET_PATH_BYTES = 107;
/** Head of one HTTP request: names are short, label selectors are the longest thing in it. */
export const MAX_REQUEST_HEADER_BYTES = 16 * 1024;
/** Open connections to one server; each watch holds one. Above it the kernel's queue makes callers wait. */
export const MAX_SERVER_CONNECTIONS = 512;
/** A client that has not sent its request's head by then is cut off. */
export const REQUEST_HEAD_TIMEOUT_MS = 10_000;
/** A client that has not sent its request's body by then is cut off. */
export const REQUEST_BODY_TIMEOUT_MS = 60_000;
/** A reader of a list, watch or log that takes nothing for so long is cut off: it holds memory. */
export const STALLED_READER_TIMEOUT_MS = 30_000;
/** How long the CLI waits for a daemon to accept a connection on its unix socket. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** One line of a JSON-lines stream that the CLI accepts: a Workflow with its 32 KB of status fits many times. */
export const MAX_STREAM_LINE_BYTES = 64 * 1024 * 1024;
/** Nesting of one CEL expression: parser and evaluator recurse over it. */
export const MAX_EXPRESSION_DEPTH = 200;
/** Nodes of one CEL expression, so that checking it takes well under a millisecond per hundred. */
export const MAX_EXPRESSION_NODES = 4_000;
/** Work of one evaluation, some 50 to 100 ns a step: no expression holds up the loop longer than half a second. */
export const MAX_EXPRESSION_STEPS = 5_000_000;
/** Items of one list that expressions make: two joins over the largest fan-out. */
export const MAX_LIST_ITEMS = 1_000_000;
/** One regular expression. */
export const MAX_PATTERN_CHARS = 1_000;
/** Here-documents inside substitutions inside here-documents: each level reads the text once more. */
export const MAX_HEREDOC_DEPTH = 16;
/** What the aliases of one YAML document may repeat, in characters: more is a bomb, not a convenience. */
export const MAX_ALIAS_EXPANSION_CHARS = 4 * 1024 * 1024;
/** Heap of the thread that parses: enough for `MAX_DOCUMENT_BYTES` of ordinary text, an end for hostile one. */
export const MAX_PARSE_HEAP_MB = 2048;
/** One sample sheet: 500,000 rows of a hundred characters, read where a document is applied. */
export const MAX_SHEET_BYTES = 64 * 1024 * 1024;
/** Columns of one sample sheet; wider ones are data, not the description of a run. */
export const MAX_SHEET_COLUMNS = 1_000;
/** Characters times instructions spent on one column's `pattern`: about two seconds. */
export const MAX_SHEET_PATTERN_WORK = 4_000_000_000;
/** Words and marks of one YAML text; each costs microseconds and a hundred bytes. 10,000 tasks are about 1,000,000. */
export const MAX_YAML_TOKENS = 1_500_000;
/** Lines of one YAML text, counted before anything is parsed: a list of a million items is refused at once. */
export const MAX_YAML_LINES = 600_000;
/** One log of one attempt; above it the middle is dropped (`backends/process/log-limit.ts`). */
export const MAX_LOG_BYTES = 256 * 1024 * 1024;
/** Of a log that was cut, how much of its end is kept beside it. */
export const KEPT_LOG_BYTES = 8 * 1024 * 1024;
/** A file that is gone from a watched folder deletes its workflows after so long: a checkout or a save may bring it back. */
export const FOLDER_GRACE_MS = 30_000;
/** How often a watched folder is gone through whatever its events say: network file systems and full queues send none. */
export const FOLDER_RESCAN_MS = 10_000;
/** How often a watched folder that went away is looked for. */
export const FOLDER_AWAY_MS = 2_000;
/** A file that looks half written is read again after so long before its content counts. */
export const HALF_WRITTEN_MS = 150;
/** Files of a watched folder that are read, parsed and applied side by side. */
export const MAX_FILES_AT_ONCE = 8;
/** Absences at once from which on a watched folder is distrusted, if they are more than half of its files too. */
export const MIN_SUSPECT_FILES = 3;
/** Text of one request (`request.fixpoint.dev/ID`): it lies in the resource until it is carried out. */
export const MAX_REQUEST_CHARS = 64 * 1024;
/** Tasks that one request names one by one; globs and label selectors name any number. */
export const MAX_REQUEST_TASKS = 1_000;
/** Globs of one request: each is held against every key of the workflow. */
export const MAX_REQUEST_GLOBS = 20;
/** One key, glob or selector of a request. */
export const MAX_REQUEST_WORD_CHARS = 1_000;
/** How often a patch is made again because somebody else changed the document meanwhile. */
export const MAX_PATCH_TRIES = 5;
/** Of a log, read at once: shown in pieces, a log of any size fits into memory. */
export const MAX_LOG_READ_BYTES = 256 * 1024;
/** Content digests that are remembered, some 250 bytes each; above it those that were not asked for the longest are forgotten. */
export const MAX_CACHED_DIGESTS = 200_000;
/** Names and paths that output patterns of one document are held against; what shares folders, beginnings and ends with too many others is refused. */
export const MAX_PATTERN_STEPS = 20_000_000;
/** Of a larger ledger only what state is made from is checked when it opens: all of this much takes a third of a second. */
export const MAX_CHECKED_LEDGER_BYTES = 64 * 1024 * 1024;
/** One event of a watch: an object of etcd is at most 1.5 MB, and JSON makes more of it. */
export const MAX_WATCH_LINE_BYTES = 8 * 1024 * 1024;
/** One answer of an API server that is read whole: 500 large objects, or all small ones when a list had to be read at once. */
export const MAX_API_ANSWER_BYTES = 256 * 1024 * 1024;
/** Of a log or a watch, what may lie here unread before the connection is told to wait. */
export const MAX_UNREAD_STREAM_BYTES = 256 * 1024;
/** Connections for requests to one API server; more of them at once wait for one another. */
export const MAX_API_CONNECTIONS = 32;
/** Connections for watches and followed logs; each holds one as long as it lasts. */
export const MAX_STREAM_CONNECTIONS = 128;
/** Kubernetes events that are counted up rather than repeated; above it the oldest begin anew. */
export const MAX_EVENT_SERIES = 1_000;
/** Characters of a Kubernetes event's note: the API server takes 1,024 bytes. */
export const MAX_EVENT_NOTE_BYTES = 1_000;
