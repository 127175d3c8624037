/** What an error code means to the operator: the source of docs/reference/errors.md and `nephoscope explain`. */
interface ErrorCodeEntry {
  /** What happened, in a few words. */
  readonly title: string;
  /** What to do, as one sentence; errors may carry a more exact one. */
  readonly hint: string;
}

/**
 * All codes, grouped by where they come from. A code is never reused and never changes its meaning:
 * programs match on it.
 */
export const ERROR_CODES = {
  // E10xx configuration files, options, environment
  E1000: { title: 'Bad configuration', hint: 'Correct the mistakes listed below it; nothing was started.' },
  E1001: {
    title: 'Configuration file cannot be read',
    hint: 'Check the path and that this user may read it.',
  },
  E1002: { title: 'Configuration file is not UTF-8 text', hint: 'Save the file as UTF-8.' },
  E1003: {
    title: 'Configuration file is too large',
    hint: 'Check that the right file was named; the limit is 4 MiB.',
  },
  E1004: {
    title: 'Line is not `[group]`, `name = value` or a comment',
    hint: 'Write `name = value`, or begin the line with # to make it a comment.',
  },
  E1005: {
    title: 'Option stands before the first `[group]`',
    hint: 'Write `[DEFAULT]` or the name of another group above it.',
  },
  E1006: { title: 'Bad group line', hint: 'Write the name between brackets: `[group]`.' },
  E1007: {
    title: 'Indented line continues no option',
    hint: 'Remove the blanks at the beginning of the line; only a continued value is indented.',
  },
  E1008: {
    title: 'Option has a value of the wrong type',
    hint: 'Write a value of the type the option asks for.',
  },
  E1009: {
    title: 'Option value is out of its range',
    hint: 'Write a value within the range the option allows.',
  },
  E1010: {
    title: 'Option value is not one of its choices',
    hint: 'Write one of the choices, exactly as listed.',
  },
  E1011: {
    title: 'Value refers to an option that is not there',
    hint: 'Correct the name behind the $, or write $$ for a dollar sign.',
  },
  E1012: {
    title: 'Values refer to each other in a circle, or too deeply',
    hint: 'Write at least one of them without a $.',
  },
  E1013: { title: 'Option has no effect here', hint: 'Remove it, or correct its name.' },
  E1014: { title: 'Option has an old name', hint: 'Use the new name; the old one still works.' },
  E1015: {
    title: 'Environment variable names no option',
    hint: 'Write OS_<GROUP>__<OPTION> in capitals with the names of the option reference.',
  },
  E1016: {
    title: 'Comment behind a value is part of the value',
    hint: 'Put the comment on a line of its own, beginning in the first column.',
  },
  E1017: {
    title: 'Secret used in an option that is not secret',
    hint: 'Write the text itself, or use the secret only in options that are never shown.',
  },
  E1018: {
    title: 'Mistake in a deployments file',
    hint: 'The form of a deployment is in docs/operate/many-clouds.md.',
  },
  E1019: { title: 'Key without effect in a deployments file', hint: 'Remove it, or correct its spelling.' },
  // E11xx pipeline.yaml and event_pipeline.yaml
  E1101: {
    title: 'Wrong shape of a pipeline file',
    hint: 'Give a mapping with the lists sources and sinks; see etc/pipeline.yaml.',
  },
  E1102: { title: 'Sources or sinks missing', hint: 'A pipeline file has the two lists sources and sinks.' },
  E1103: {
    title: 'Required field missing',
    hint: 'Each source has name, meters (or events) and sinks; each sink name and publishers.',
  },
  E1105: { title: 'Source without sink', hint: 'List at least one sink name under sinks.' },
  E1106: {
    title: 'Source names a sink that is not defined',
    hint: 'Define the sink under sinks, or correct its name.',
  },
  E1107: { title: 'Source takes nothing', hint: 'List name patterns, or "*" for everything.' },
  E1108: {
    title: 'Patterns contradict each other',
    hint: 'Use names only, exclusions ("!name") only, or "*" with exclusions.',
  },
  E1109: { title: 'Name used twice', hint: 'Give each source and each sink of a file a name of its own.' },
  E1110: {
    title: 'Two pipelines with one name',
    hint: 'List each sink once in a source, and avoid names that collide when joined by ":".',
  },
  E1111: { title: 'Sink without publisher', hint: 'List at least one publisher URL, e.g. store://.' },
  E1112: { title: 'Unknown publisher', hint: 'Use a scheme that exists.' },
  E1113: {
    title: 'Bad publisher URL',
    hint: "Correct the URL; each publisher's parameters are on its reference page.",
  },
  E1114: { title: 'Empty name pattern', hint: 'Remove the empty entry, or write "*" for everything.' },
  E1115: { title: 'Key without effect', hint: 'Remove it, or correct its spelling.' },
  E1116: {
    title: 'Publisher parameter without effect',
    hint: "Remove it, or correct its spelling; each publisher's parameters are on its reference page.",
  },
  E1117: {
    title: 'Publisher parameter has a value of the wrong type',
    hint: 'Write a value of the type the parameter asks for.',
  },
  E1118: {
    title: 'Publisher parameter is out of its range',
    hint: 'Write a value within the range the parameter allows.',
  },
  E1119: {
    title: 'Publisher parameter is not one of its choices',
    hint: 'Write one of the choices, exactly as listed.',
  },
  E1120: {
    title: 'Publisher does not take this kind of data',
    hint: 'Use one that takes it; the reference page of publishers says which take samples, which events.',
  },
  E1130: {
    title: 'Unknown transformer',
    hint: 'Use unit_conversion, rate_of_change, delta, accumulator, aggregator or arithmetic.',
  },
  E1131: {
    title: 'Wrong shape of the transformers of a sink',
    hint: 'Give a list of mappings with name and parameters; see docs/operate/transformers.md.',
  },
  E1132: {
    title: 'Bad parameter of a transformer',
    hint: 'The parameters of each transformer are in docs/operate/transformers.md.',
  },
  E1133: {
    title: 'Bad expression in a transformer',
    hint: 'Write a Python expression; docs/operate/transformers.md says what is understood.',
  },
  E1134: {
    title: 'Bad regular expression in a transformer',
    hint: "Write it as Python's re module takes it; groups are \\1 in map_to.",
  },
  E1135: {
    title: 'Expression names something that does not exist',
    hint: 'Correct the name; what does not exist is empty, and false.',
  },
  E1136: {
    title: 'Transformer parameter that may not mean what it seems to',
    hint: 'docs/operate/transformers.md says what each parameter does.',
  },
  // E12xx event and meter definitions
  E1201: {
    title: 'Wrong shape of an event definitions file',
    hint: 'Give a list of mappings with the keys event_type and traits.',
  },
  E1202: {
    title: 'Required field of an event definition missing',
    hint: 'Each event definition has event_type and traits; traits may be {}.',
  },
  E1203: { title: 'Invalid trait type', hint: 'Use text, int, float or datetime.' },
  E1204: {
    title: 'Definition without fields',
    hint: 'Name the path (or a list of paths) of the value under fields.',
  },
  E1205: {
    title: 'Plugin without a name',
    hint: 'Write plugin: NAME, or plugin: {name: NAME, parameters: {…}}.',
  },
  E1206: { title: 'Unknown plugin', hint: 'The plugins are split, bitfield, timedelta and map.' },
  E1207: {
    title: 'Bad path',
    hint: 'Correct the path; names with other characters than letters, digits, "_" and "-" need quotes.',
  },
  E1208: { title: 'Bad plugin parameters', hint: 'Correct the parameters of the plugin.' },
  E1209: {
    title: 'Deprecated plugin',
    hint: 'Use the path operator `split(separator, segment, max)` instead.',
  },
  E1210: { title: 'Key without effect', hint: 'Remove it, or correct its spelling.' },
  E1211: {
    title: 'Wrong shape of a meter definitions file',
    hint: 'Give a mapping with the key metric, a list of meter definitions.',
  },
  E1212: {
    title: 'Required field of a meter definition missing',
    hint: 'Each meter has name, event_type, type, unit, volume and resource_id, none of them empty or 0.',
  },
  E1213: { title: 'Invalid sample type', hint: 'Use gauge, delta or cumulative.' },
  E1214: {
    title: 'Bad event type',
    hint: 'Give a text or a list of texts: in meter definitions regular expressions, in event definitions patterns with *.',
  },
  E1215: {
    title: 'Meter defined twice',
    hint: 'Within a file the last definition of a name counts, across files the first; merge or remove the others.',
  },
  E1216: {
    title: 'Bad lookup',
    hint: 'Name fields of this definition whose paths give one value per sample.',
  },
  E1218: {
    title: 'Plugin cannot give several values',
    hint: 'With lookup only the plugin split may be used.',
  },
  E1219: {
    title: 'Wrong type of a value in a definition',
    hint: 'Give a path as text, a list of paths, or a mapping with fields.',
  },
  // E13xx YAML
  E1300: { title: 'YAML syntax error', hint: 'Correct the line; the mistake may stand shortly before it.' },
  E1301: {
    title: 'YAML key appears twice',
    hint: 'Keep one of them; only the last would count, and the other would be lost without a word.',
  },
  E1302: {
    title: 'YAML tag is not supported',
    hint: 'Remove the tag, or quote the text if it begins with an !.',
  },
  E1303: {
    title: 'YAML alias cannot be used',
    hint: 'Define &name above its use, or quote the text if it begins with a *.',
  },
  E1304: {
    title: 'YAML file is too large or nested too deeply',
    hint: 'Split it, or check that it is the right file.',
  },
  E1305: {
    title: 'Character that YAML does not allow',
    hint: 'Remove it, or write it as an escape in double quotes.',
  },
  E1306: {
    title: 'YAML number cannot be held exactly',
    hint: 'Put it in quotes if it is a name and not a quantity.',
  },
  E1307: {
    title: 'YAML key is not a plain name',
    hint: 'Use text or a number as key; quote text with special characters.',
  },
  E1308: {
    title: 'YAML merge of something that is not a mapping',
    hint: 'Write `<<: *name` of a mapping, or a list of them.',
  },
  E1309: {
    title: 'YAML file holds more than one document',
    hint: 'Remove the `---` line in the middle, or split the file.',
  },
  E1310: {
    title: 'YAML reads this text as another value',
    hint: 'Put it in quotes if the text as written is meant.',
  },
  // E20xx broker
  E2001: {
    title: 'Bad transport URL',
    hint: 'Write rabbit://user:password@host:5672/vhost, with / # ? % , : @ inside a name or password written as %2F and so on.',
  },
  E2002: {
    title: 'Broker cannot be reached',
    hint: 'Check host and port of the transport URL, that RabbitMQ runs there, and the firewall between.',
  },
  E2003: {
    title: 'Broker refused the login',
    hint: 'Check user and password of the transport URL with: rabbitmqctl authenticate_user USER PASSWORD.',
  },
  E2004: {
    title: 'Virtual host refused',
    hint: 'Check it with: rabbitmqctl list_vhosts, and the permissions with: rabbitmqctl list_permissions -p VHOST.',
  },
  E2005: {
    title: 'TLS with the broker failed',
    hint: 'Set ssl_ca_file of [oslo_messaging_rabbit] to the authority that signed the certificate of the broker, and check the port (often 5671).',
  },
  E2006: {
    title: 'Connection to the broker lost',
    hint: 'It is made again by itself; look into the log of the broker if it repeats.',
  },
  E2007: {
    title: 'Queue or exchange exists with other properties',
    hint: 'What exists is used as it is; set the options of [oslo_messaging_rabbit] as the services have them.',
  },
  E2008: {
    title: 'Broker refused access to a queue or exchange',
    hint: 'Grant it with: rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ.',
  },
  E2009: {
    title: 'Queue or exchange cannot be used',
    hint: 'Look it up with: rabbitmqctl list_queues -p VHOST name state type.',
  },
  E2010: {
    title: 'Broker did not take a message',
    hint: 'The message in the text says why; nothing was lost on this side.',
  },
  E2011: {
    title: 'Message compressed in a way that is not understood',
    hint: 'Let the services send without kombu_compression, or with gzip.',
  },
  E2012: {
    title: 'Broker holds up publishers',
    hint: 'It is short of memory or disk: rabbitmqctl status shows the alarm; publishing goes on by itself afterwards.',
  },
  E2013: {
    title: 'Consumer cancelled by the broker',
    hint: 'The queue was deleted or moved; it is set up again by itself.',
  },
  E2014: {
    title: 'Broker options contradict each other',
    hint: 'Set rabbit_quorum_queue alone: mirrored queues (rabbit_ha_queues) are gone from RabbitMQ 4.',
  },
  E2015: {
    title: 'TLS file of the broker connection cannot be read',
    hint: 'Check the path and that this user may read it.',
  },
  E2016: {
    title: 'Queue already has a consumer',
    hint: 'Start with --shadow to read a copy beside it, or with --takeover to share the queue; then each message reaches only one of the two.',
  },
  E2017: {
    title: 'Queue has other consumers beside this one',
    hint: 'Each message reaches only one of them; stop the other one when nephoscope has taken over.',
  },
  E2018: {
    title: 'Broker does not answer any more',
    hint: 'No heartbeat came: look at the network between and at the load of the broker; it is tried again by itself.',
  },
  E2019: {
    title: 'Exchange was deleted',
    hint: 'It was made and bound again; find out who deletes it, since what is sent meanwhile is lost by the sender.',
  },
  E2020: {
    title: 'Worker process ended',
    hint: 'It is started again by itself and the broker delivers again what it held; look for the reason above it in the log, or in dmesg if it was killed.',
  },
  E2021: {
    title: 'Worker process does not answer',
    hint: 'It is ended and started again; if it repeats, lower [notification] batch_size and look at the load of the machine.',
  },
  E2022: {
    title: 'Serving process did not take the records of a worker',
    hint: 'The same records are given again; look at the log and the store of the serving process.',
  },
  // E30xx store
  E3001: {
    title: 'Store file is damaged or no database',
    hint: 'Check that the path names the right file; restore it from a backup, or move it away to begin with an empty store.',
  },
  E3002: {
    title: 'Store file belongs to another program',
    hint: 'Name another path: what is in this file was not made by nephoscope and is left alone.',
  },
  E3003: {
    title: 'Store file was made by a newer version',
    hint: 'Start the version that last wrote it, or a newer one; the file was not changed.',
  },
  E3004: {
    title: 'State directory is in use',
    hint: 'Another nephoscope serves from this directory: stop it first, or give this one a state directory of its own.',
  },
  E3005: {
    title: 'Store file cannot be opened',
    hint: 'Check that the directory exists, is not mounted read-only, and that this user may read and write there.',
  },
  E3006: {
    title: 'Disk is full',
    hint: 'Free some space, or shorten the retention times; writing goes on by itself, nothing acknowledged is lost.',
  },
  E3007: {
    title: 'Store is busy',
    hint: 'Another process writes to the same file; the same call is tried again by whoever made it.',
  },
  E3008: {
    title: 'Disk cannot be read or written',
    hint: 'Look into the log of the kernel (dmesg) for the disk; writing goes on by itself when it works again.',
  },
  E3009: {
    title: 'Value cannot be stored',
    hint: 'Look at the sender: the message names what cannot be kept; the rest was not affected.',
  },
  E3010: {
    title: 'Too many reads at once',
    hint: 'Try again in a moment, or ask fewer questions at the same time.',
  },
  E3011: { title: 'Read took too long', hint: 'Ask for a shorter time range, one meter or one resource.' },
  E3012: { title: 'Store is not running', hint: 'It is starting or stopping; try again when it is ready.' },
  E3013: { title: 'Bad question to the store', hint: 'Correct the condition named in the message.' },
  E3014: {
    title: 'Unknown store URL',
    hint: 'Write sqlite:///path/to/file.db, or sqlite:// for the state directory.',
  },
  E3015: {
    title: 'Unexpected failure of the store',
    hint: 'This is a defect: the cause is in the log; only the records of this call are affected.',
  },
  E3016: {
    title: 'Too many writes at once',
    hint: 'The disk is slower than the input; the same records are given again later.',
  },
  E3017: {
    title: 'Store file cannot be brought to this version',
    hint: 'Nothing was changed; see the cause, and free disk space first.',
  },
  E3018: {
    title: 'Answer too large for the memory of the reader',
    hint: 'Ask for a shorter time range, or give a limit.',
  },
  // E40xx HTTP interface and queries
  E4001: {
    title: 'Unknown query parameter',
    hint: 'The parameters of each path are listed in /v1/openapi.json.',
  },
  E4002: { title: 'Bad value in a request', hint: 'Correct the value named in the message.' },
  E4003: {
    title: 'Bad condition in a query',
    hint: 'Give q.field and q.value for every condition, q.op and q.type for all conditions or for none.',
  },
  E4004: { title: 'Not found', hint: 'Check the identifier; what is older than the retention time is gone.' },
  E4005: { title: 'No such path', hint: 'The paths this server knows are listed in /v1/openapi.json.' },
  E4006: {
    title: 'Method not allowed on this path',
    hint: 'The Allow header of the answer names the methods this path knows.',
  },
  E4007: {
    title: 'Answer too large',
    hint: 'Ask for a shorter time range or give a limit; [api] maximum_return_items sets the bound.',
  },
  E4008: {
    title: 'Request body too large',
    hint: 'Send the notifications in several requests; [api] max_request_bytes sets the bound.',
  },
  E4009: {
    title: 'Content type not understood',
    hint: 'Send one notification as application/json, or one a line as application/x-ndjson.',
  },
  E4010: {
    title: 'Request did not come from this machine',
    hint: 'There is no authentication yet, so the API answers only to requests addressed to localhost.',
  },
  E4011: { title: 'Too much at once', hint: 'Try again after the seconds in the Retry-After header.' },
  E4012: {
    title: 'API address is not loopback',
    hint: 'Set [api] host to 127.0.0.1 or ::1: there is no authentication yet.',
  },
  E4013: {
    title: 'API cannot listen',
    hint: 'Free the address, or choose another one with [api] host and port.',
  },
  E4014: {
    title: 'Malformed HTTP request',
    hint: 'Send a well-formed HTTP/1.1 request with a shorter header.',
  },
  E4015: {
    title: 'Unexpected failure while answering',
    hint: 'This is a defect: the log of the server has the details under the request id of the answer.',
  },
  E4016: { title: 'Not served by this version', hint: 'Ask the service that owns this path.' },
  E4030: {
    title: 'Bad --where expression',
    hint: "Write conditions joined by and, e.g. --where 'project=demo and timestamp>=2026-03-01'.",
  },
  E4031: {
    title: 'API cannot be reached',
    hint: 'Start it with: nephoscope serve; or name another address with --api-url.',
  },
  E4032: {
    title: 'API refused the request',
    hint: 'Correct what the message names; --show-request shows what was asked.',
  },
  E4033: {
    title: 'Answer of the API not understood',
    hint: 'Check that --api-url names a telemetry API and not some other server.',
  },
  E4034: {
    title: 'Which parked messages is not clear',
    hint: 'Give their ids, or --all, or --all with --code.',
  },
  // E50xx notifications and parking
  E5001: { title: 'Not UTF-8', hint: 'The sender must encode notifications as UTF-8.' },
  E5002: { title: 'Not JSON', hint: 'The body must be one JSON document.' },
  E5003: {
    title: 'The message inside the envelope is not JSON',
    hint: 'Look at the sender: it wrote a broken oslo.message.',
  },
  E5004: { title: 'Unknown version of the envelope', hint: 'Only oslo.version 2.x is understood.' },
  E5005: {
    title: 'Notification without event_type',
    hint: 'The sender must name the type of the event; is this a notification at all?',
  },
  E5006: {
    title: 'Wrong type of a field',
    hint: 'Look at the sender: the field has another type than the notification format says.',
  },
  E5007: {
    title: 'Unknown priority',
    hint: 'Priorities are AUDIT, DEBUG, INFO, WARN, ERROR, CRITICAL and SAMPLE.',
  },
  E5008: {
    title: 'Unreadable timestamp',
    hint: 'Timestamps are ISO 8601, such as 2026-01-02 03:04:05.000006.',
  },
  E5009: {
    title: 'Number out of range',
    hint: 'The number is too large for a 64-bit float and cannot be kept.',
  },
  E5010: {
    title: 'Text with a lone surrogate',
    hint: 'Half of a UTF-16 pair is no character and cannot be stored; look at the sender.',
  },
  E5011: { title: 'Body too large', hint: 'Raise the limit if such notifications are wanted.' },
  E5012: {
    title: 'Nested too deeply',
    hint: 'Such a document can be read but not written again; look at the sender.',
  },
  E5013: {
    title: 'A value could not be converted',
    hint: 'Compare the definition with what the notification holds; the rest of it was kept.',
  },
  E5014: {
    title: 'Notification without message_id',
    hint: 'Without it repeats cannot be recognised; look at the sender.',
  },
  E5015: {
    title: 'Meters and values do not match in number',
    hint: 'Each field in lookup must give one value per meter name.',
  },
  E5016: { title: 'Unreadable sensor', hint: 'The reading is left out until the sensor gives a number.' },
  E5017: {
    title: 'Input cannot be read',
    hint: 'Check the path, the permissions and whether the file is complete.',
  },
  // E502x, E503x messages between telemetry services, their signatures, the collector
  E5020: {
    title: 'No metering message',
    hint: 'Look at the sender: a sample needs counter_name, counter_type, counter_volume, resource_id and timestamp.',
  },
  E5021: {
    title: 'No event message',
    hint: 'Look at the sender: an event needs message_id, event_type, generated and a list of traits.',
  },
  E5022: {
    title: 'Signature missing or wrong',
    hint: 'Give sender and collector the same [publisher] telemetry_secret; while it changes, list the old one in previous_telemetry_secrets.',
  },
  E5023: { title: 'Message cannot be signed', hint: 'It is nested too deeply; look at what made it.' },
  E5024: {
    title: 'Published default secret',
    hint: 'Set [publisher] telemetry_secret to a long random text, the same in all services, or to nothing; for a trial: --insecure-demo.',
  },
  E5025: {
    title: 'Collector would believe everyone',
    hint: 'Set [publisher] telemetry_secret, or leave [collector] udp_address empty: datagrams have no sender one could trust.',
  },
  E5026: {
    title: 'Collector cannot listen for datagrams',
    hint: 'Free the address, or choose another one with [collector] udp_address and udp_port.',
  },
  E5027: {
    title: 'Datagram is no message',
    hint: 'Look at what sends to the UDP port of the collector: it takes one msgpack mapping a datagram.',
  },
  E5028: {
    title: 'Datagram was there before, or is too old',
    hint: 'Compare the clocks of sender and collector; if they agree, somebody may be playing recorded datagrams back.',
  },
  E5029: {
    title: 'Payload holds no messages',
    hint: 'Metering and event notifications carry a list of messages; look at what else sends to this topic.',
  },
  E5030: {
    title: 'Dispatcher cannot be used',
    hint: 'Dispatchers are database, file, http and gnocchi; file and http need their [dispatcher_*] options.',
  },
  E5031: {
    title: 'Dispatchers did not take a message',
    hint: 'Look at the publisher or store named in the reason; put it right and replay what was parked.',
  },
  // E504x statsd and datagrams
  E5040: {
    title: 'Address or network of a datagram source is wrong',
    hint: 'Write literal addresses such as 127.0.0.1 or ::1, and networks such as 10.0.0.0/8.',
  },
  E5041: {
    title: 'UDP port cannot be listened to',
    hint: 'Free the port (ss -lunp shows who has it) or choose another one; it is tried again by itself.',
  },
  E5042: {
    title: 'Receiver of statsd ended unexpectedly',
    hint: 'It is started again by itself; what it had gathered since the last flush is lost. Report the cause as a defect.',
  },
  E5043: {
    title: 'Samples of statsd could not be handed on',
    hint: 'They are kept and tried again; meanwhile the next flush is put off. Look at the store or publisher named in the cause.',
  },
  E5044: {
    title: 'Receive buffer is smaller than asked for',
    hint: 'Raise net.core.rmem_max with sysctl to at least the size asked for, or bursts are lost.',
  },
  E5045: {
    title: 'Option of statsd has an impossible value',
    hint: 'Correct the value as the option reference says.',
  },
  E5046: {
    title: 'Datagram is no notification',
    hint: 'A datagram is one JSON or msgpack mapping, as it would travel on the bus; it is counted and dropped.',
  },
  // E60xx command line
  E6001: {
    title: 'Log file cannot be opened',
    hint: 'Check that its directory exists and that this user may write there.',
  },
  E6030: {
    title: 'Too many live views',
    hint: 'End another nephoscope tap, or wait until one has reached its limit.',
  },
  E6031: {
    title: 'Condition of a live view cannot be understood',
    hint: 'Write it as NAME=GLOB with one of the names the stage has, e.g. event_type=compute.instance.*',
  },
  E6032: {
    title: 'Live view was cut off',
    hint: 'The server ended or the connection broke; start the view again when /readyz answers.',
  },
  E6033: {
    title: 'Sample that cannot be sent',
    hint: 'Correct the option it names; nephoscope send-sample --help has examples.',
  },
  E6034: {
    title: 'Text is no Python literal or JSON',
    hint: "Write metadata as JSON or as Python prints it, e.g. {'display_name': 'web-7'}.",
  },
  E6035: {
    title: 'Sample was not taken',
    hint: 'nephoscope parked list shows what was put aside and why.',
  },
  E6036: {
    title: 'Metrics page cannot be read',
    hint: 'Check that the address is that of a nephoscope server.',
  },
  // E70xx polling
  E7001: {
    title: 'Poll took longer than its time limit',
    hint: 'Look at what the pollster asks (disk, network); its later polls are skipped until this one has ended.',
  },
  E7002: { title: 'Poll failed', hint: 'It is tried again at the next interval; see the cause.' },
  E7003: {
    title: 'Polled samples could not be handed on',
    hint: 'Look at the store or publisher named in the cause; these samples are lost, the next poll tries again.',
  },
  E7004: {
    title: 'Figures of this machine cannot be read',
    hint: 'They come from /proc on Linux; under systemd, ProcSubset=pid hides them, and hidepid= may.',
  },
  // E80xx publishers: E8000 to E8009 delivery, E8050 file
  E8001: {
    title: 'Publisher did not answer in time',
    hint: 'Check its target and the way there; delivery_timeout in its URL is the time one attempt may take.',
  },
  E8002: {
    title: 'Too much waits for a publisher',
    hint: 'Nothing is lost, senders give it again; check its target, or use policy=queue to let it wait on disk.',
  },
  E8003: {
    title: 'Publisher is not running',
    hint: 'Nothing is lost; what was not taken is given again after the next start.',
  },
  E8004: {
    title: 'Publisher failed in an unexpected way',
    hint: 'Report it with the log; what could not be taken was put aside.',
  },
  E8005: {
    title: 'Publisher gave up after max_retry attempts',
    hint: 'Repair its target, then give what was put aside again with `nephoscope parked replay`.',
  },
  E8006: {
    title: 'Queue on disk cannot be used',
    hint: 'Check free space and that this user may write below the state directory.',
  },
  E8007: {
    title: 'Batch in the queue on disk cannot be read',
    hint: 'It was put aside with the ending .unreadable; look into it, then delete it.',
  },
  E8008: {
    title: 'Sender did not wait for the publisher',
    hint: 'Nothing is lost, the sender gives it again; check the target of the publisher.',
  },
  E8009: {
    title: 'Queue on disk without its publisher',
    hint: 'Put the URL of the publisher back into the pipeline file to have it sent, or delete the directory.',
  },
  E8050: {
    title: 'File of a publisher cannot be written',
    hint: 'Check its directory, its mode, and that this user may write there.',
  },
  E8051: {
    title: 'No space left for the file of a publisher',
    hint: 'Make room; nothing is lost, writing goes on by itself.',
  },
  E8052: {
    title: 'Item cannot be written as text',
    hint: 'Look at the item in the parking; its metadata is nested too deeply.',
  },
  // E8010-E8029 publishers over HTTP, Prometheus and OpenTelemetry
  E8010: {
    title: 'HTTP target cannot be reached',
    hint: 'Check that the service runs and that its host and port are reachable from here.',
  },
  E8011: {
    title: 'HTTP target did not answer in time',
    hint: 'Look at the load of the target; the parameter timeout of the URL gives it longer.',
  },
  E8012: {
    title: 'HTTP target is failing',
    hint: 'Look at the log of the target; what it did not take is sent again.',
  },
  E8013: {
    title: 'HTTP target refuses the data',
    hint: 'The text in quotes is what the target says about it; the same data is not sent again.',
  },
  E8014: {
    title: 'HTTP target refuses this sender',
    hint: 'Check path, user and password, client certificate and permissions; redirects are not followed.',
  },
  E8015: {
    title: 'Answer of the HTTP target is not HTTP',
    hint: 'Check that host and port name the right service, and whether it wants TLS.',
  },
  E8016: {
    title: 'TLS with the HTTP target failed',
    hint: 'Name the CA of the target with verify_ssl=FILE, and the client certificate where it asks for one.',
  },
  E8017: {
    title: 'Certificate or key file cannot be used',
    hint: 'Check that the file named in the URL exists, may be read by this user and is in PEM form.',
  },
  E8018: {
    title: 'Two values for one instant of a series',
    hint: 'Several meters may share one Prometheus name after . and - have become _; rename one of them.',
  },
  E8019: {
    title: 'No room for another series',
    hint: 'Raise max_series of prometheus-scrape://, lower its expiry, or send it fewer meters.',
  },
  E8020: {
    title: 'Data points refused by the OpenTelemetry receiver',
    hint: 'The text in quotes is what the receiver says about it; the same data is not sent again.',
  },
  // E8030-E8049 OpenStack services, Gnocchi and Zaqar
  E8030: {
    title: 'Credentials for OpenStack are not complete',
    hint: 'Set auth_type, auth_url, username, password, project and their domains in [service_credentials].',
  },
  E8031: {
    title: 'Keystone does not work',
    hint: 'Check that it runs; what waits for it is sent when it does.',
  },
  E8032: {
    title: 'Keystone refused the login',
    hint: 'Check user, password, project and domains in [service_credentials] with: openstack token issue.',
  },
  E8033: {
    title: 'Answer of Keystone not understood',
    hint: 'Check that auth_url names a Keystone with its version 3 and no other server.',
  },
  E8034: {
    title: 'Service is not in the catalogue of Keystone',
    hint: 'Register it with openstack endpoint create, or correct interface and region_name.',
  },
  E8035: {
    title: 'TLS with an OpenStack service failed',
    hint: 'Set cafile to the authority that signed its certificate; the name in the catalogue must be on it.',
  },
  E8036: {
    title: 'OpenStack service cannot be reached',
    hint: 'Check that it runs and that its endpoint can be reached from here; nothing is lost meanwhile.',
  },
  E8037: {
    title: 'OpenStack service does not let us in',
    hint: 'Give our user the role service (or admin) in its project; look into the log of the service.',
  },
  E8038: {
    title: 'OpenStack service is failing',
    hint: 'Look into the log of the service; what it did not take is sent again.',
  },
  E8039: {
    title: 'Answer of an OpenStack service not understood',
    hint: 'Check that the endpoint in the catalogue is the one of the service itself.',
  },
  E8040: {
    title: 'Wrong shape of gnocchi_resources.yaml',
    hint: 'Compare it with the shipped etc/gnocchi_resources.yaml.',
  },
  E8041: {
    title: 'Meter belongs to two resource types',
    hint: 'The last one counts; remove the meter from the others.',
  },
  E8042: {
    title: 'Gnocchi refused a measure',
    hint: 'The text in quotes is what Gnocchi says about it; the others of its batch were taken.',
  },
  E8043: {
    title: 'Gnocchi refused a resource',
    hint: 'The text in quotes is what Gnocchi says about it; compare the attributes in gnocchi_resources.yaml.',
  },
  E8044: {
    title: 'Archive policy cannot be used',
    hint: 'Correct it in gnocchi_resources.yaml, or create it with: gnocchi archive-policy create.',
  },
  E8045: {
    title: 'Event without the id of its resource',
    hint: 'Let the event definition make the trait that event_attributes names for id.',
  },
  E8046: {
    title: 'Resource type cannot be created or changed',
    hint: 'Our user needs the role admin for it; the text in quotes is what Gnocchi says.',
  },
  E8047: {
    title: 'Not a Gnocchi that can be used',
    hint: 'Gnocchi 4.2 or later is needed at the endpoint of the service gnocchi, type metric.',
  },
  E8048: {
    title: 'Zaqar refused a message',
    hint: 'The text in quotes is what Zaqar says about it; the others of its batch were taken.',
  },
  // E806x notifier://
  E8060: {
    title: 'No broker for notifier://',
    hint: 'Set [DEFAULT] transport_url, or name the broker in the URL: notifier://USER:PASSWORD@HOST:5672/VHOST.',
  },
  E8061: {
    title: 'Broker does not take messages at the moment',
    hint: 'It is tried again; see the reason, and rabbitmqctl status on the broker (alarms).',
  },
  // E807x udp:// and tcp://
  E8070: {
    title: 'Host of a publisher cannot be resolved',
    hint: 'Check the host in the URL and the name service; it is tried again.',
  },
  E8071: {
    title: 'Sample too large for a datagram',
    hint: 'A datagram holds 65,507 bytes: use tcp:// or notifier:// for this meter, or give it less metadata.',
  },
  E8072: {
    title: 'Datagram could not be sent',
    hint: 'Check routes, firewall and buffers on this machine; the sample is sent again.',
  },
  E8073: {
    title: 'No connection to the target',
    hint: 'Check that the target runs and that no firewall is between; it is tried again.',
  },
  E8074: {
    title: 'Connection to the target was lost',
    hint: 'Look at the target: it or the network ended the connection; the samples are sent again.',
  },
  E8075: {
    title: 'Sample cannot be encoded',
    hint: 'msgpack holds integers of 64 bits; look at the metadata of the sample.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
