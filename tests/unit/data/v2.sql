PRAGMA page_size = 16384;
PRAGMA application_id = 1886157423;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE closed(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL, over_ms INTEGER NOT NULL, PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;
INSERT INTO "closed" VALUES('desk','INC-4','acme',7,X'01046465736B05494E432D3404070C02105375626A656374206F6620494E432D3400D88D82ABC068000001070461636D6502503103416E6108726573706F6E736503353025066272656163680A7265736F6C7574696F6E27FB86C195A034010020C7533D0CD33B96391C98DD1021DA0F042504A79A018265263E15865721031802070401970918FD0100020503000603000007015D88644D',1243014556668461923,1795341437777);
CREATE TABLE cursors(source TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY(source, key)) STRICT, WITHOUT ROWID;
INSERT INTO "cursors" VALUES('bus','tickets','1795341437780-0');
CREATE TABLE journal(seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, records BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;
INSERT INTO "journal" VALUES(8,1,X'5401000003CCEC87ABC0680BABC687B90C0A494E432D352D6F70656E05494E432D35046465736B0868656C706465736B8388010461636D6502503208457661205275697A105375626A656374206F6620494E432D35',7323505680744327087);
INSERT INTO "journal" VALUES(9,1,X'3F01010003DAEC87ABC06800B28890CC0A16494E432D322D6368616E6765642D303433643133363705494E432D32046465736B0868656C706465736B02025033',6574680382319830046);
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('clean',1);
INSERT INTO "meta" VALUES('id','07856172edb485d338a1a0fdc9d46b16');
INSERT INTO "meta" VALUES('key',X'0440831AA3A22EAC2777E9ED0AC46EB2');
INSERT INTO "meta" VALUES('latest',1795341450768);
INSERT INTO "meta" VALUES('seq',7);
CREATE TABLE outbox(no INTEGER PRIMARY KEY, id TEXT NOT NULL, receiver TEXT NOT NULL, type TEXT NOT NULL, ns TEXT NOT NULL, ticket TEXT NOT NULL, body TEXT NOT NULL, created_ms INTEGER, at_ms INTEGER, due_ms INTEGER, state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER, status INTEGER NOT NULL, detail TEXT NOT NULL, settled_ms INTEGER) STRICT;
INSERT INTO "outbox" VALUES(1,'4e8a08bd0a8cc63b979cfb46e39bfe9d','hook','sla.warning','desk','INC-1','{"id":"4e8a08bd0a8cc63b979cfb46e39bfe9d","type":"sla.warning","at":"2026-11-22T09:57:16.269Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"50%","occurrence":1,"due":"2026-11-22T09:57:16.769Z","target":"1s","elapsed_s":0.5,"remaining_s":0.5,"priority":"P1","receivers":["hook"],"reason":"50%: of the target is used, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341436270,1795341436269,1795341436769,1,1,NULL,200,'200',1795341436272);
INSERT INTO "outbox" VALUES(2,'5c8c56e8d3dceacd2da81dd1c5f089c4','hook','sla.warning','desk','INC-4','{"id":"5c8c56e8d3dceacd2da81dd1c5f089c4","type":"sla.warning","at":"2026-11-22T09:57:16.270Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"50%","occurrence":1,"due":"2026-11-22T09:57:16.770Z","target":"1s","elapsed_s":0.5,"remaining_s":0.5,"priority":"P1","receivers":["hook"],"reason":"50%: of the target is used, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341436271,1795341436270,1795341436770,1,1,NULL,200,'200',1795341436273);
INSERT INTO "outbox" VALUES(3,'6fa48af37b4c540cf921a0c8a18136f2','hook','sla.breach','desk','INC-1','{"id":"6fa48af37b4c540cf921a0c8a18136f2","type":"sla.breach","at":"2026-11-22T09:57:16.769Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T09:57:16.769Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341436770,1795341436769,1795341436769,1,1,NULL,200,'200',1795341436773);
INSERT INTO "outbox" VALUES(4,'6fa48af37b4c540cf921a0c8a18136f2','gone','sla.breach','desk','INC-1','{"id":"6fa48af37b4c540cf921a0c8a18136f2","type":"sla.breach","at":"2026-11-22T09:57:16.769Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T09:57:16.769Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341436770,1795341436769,1795341436769,3,1,NULL,410,'410',1795341436773);
INSERT INTO "outbox" VALUES(5,'3cd407839a11c76993b99d6a63e67672','hook','sla.breach','desk','INC-4','{"id":"3cd407839a11c76993b99d6a63e67672","type":"sla.breach","at":"2026-11-22T09:57:16.770Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T09:57:16.770Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341436771,1795341436770,1795341436770,1,1,NULL,200,'200',1795341436773);
INSERT INTO "outbox" VALUES(6,'3cd407839a11c76993b99d6a63e67672','gone','sla.breach','desk','INC-4','{"id":"3cd407839a11c76993b99d6a63e67672","type":"sla.breach","at":"2026-11-22T09:57:16.770Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T09:57:16.770Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341436771,1795341436770,1795341436770,3,1,NULL,410,'410',1795341436774);
INSERT INTO "outbox" VALUES(7,'0a031e913480eadc909406ba7f793bb9','console','daemon.endpoint','','gone','{"id":"0a031e913480eadc909406ba7f793bb9","type":"daemon.endpoint","at":"2026-11-22T09:57:16.773Z","ticket":"gone","contract":null,"metric":null,"cycle":1795341436,"step":"410","occurrence":1,"due":null,"target":null,"elapsed_s":0,"remaining_s":0,"priority":null,"receivers":["console"],"reason":"Receiver gone answered 410 and is disabled until the next reload.","late_s":0,"namespace":null}',1795341436773,1795341436773,NULL,1,1,NULL,0,'logged',1795341436773);
INSERT INTO "outbox" VALUES(8,'598fb8b209660cf0db76b3543e4b67e0','hook','sla.cleared','desk','INC-1','{"id":"598fb8b209660cf0db76b3543e4b67e0","type":"sla.cleared","at":"2026-11-22T09:57:17.771Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T09:57:16.769Z","target":"1s","elapsed_s":2.002,"remaining_s":-1.002,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.001,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341437777,1795341437771,1795341436769,1,1,NULL,200,'200',1795341437781);
INSERT INTO "outbox" VALUES(9,'598fb8b209660cf0db76b3543e4b67e0','gone','sla.cleared','desk','INC-1','{"id":"598fb8b209660cf0db76b3543e4b67e0","type":"sla.cleared","at":"2026-11-22T09:57:17.771Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T09:57:16.769Z","target":"1s","elapsed_s":2.002,"remaining_s":-1.002,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.001,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341437777,1795341437771,1795341436769,2,0,0,0,'nobody was told before',1795341437781);
INSERT INTO "outbox" VALUES(10,'e1bfc4341501c15db9adc01a9d681362','hook','sla.cleared','desk','INC-4','{"id":"e1bfc4341501c15db9adc01a9d681362","type":"sla.cleared","at":"2026-11-22T09:57:17.777Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T09:57:16.770Z","target":"1s","elapsed_s":2.007,"remaining_s":-1.007,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.004,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341437788,1795341437777,1795341436770,1,1,NULL,200,'200',1795341437790);
INSERT INTO "outbox" VALUES(11,'e1bfc4341501c15db9adc01a9d681362','gone','sla.cleared','desk','INC-4','{"id":"e1bfc4341501c15db9adc01a9d681362","type":"sla.cleared","at":"2026-11-22T09:57:17.777Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T09:57:16.770Z","target":"1s","elapsed_s":2.007,"remaining_s":-1.007,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.004,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341437788,1795341437777,1795341436770,2,0,0,0,'nobody was told before',1795341437790);
CREATE TABLE refused(no INTEGER PRIMARY KEY, digest INTEGER NOT NULL, source TEXT NOT NULL, place TEXT NOT NULL, at_ms INTEGER NOT NULL, why TEXT NOT NULL, body BLOB NOT NULL) STRICT;
INSERT INTO "refused" VALUES(1,-893690048678448318,'bus','tickets 1795341435771-0',1795341435771,'This is not the JSON that is taken here: not a JSON value (line 1, column 1)',X'6E6F206576656E7420617420616C6C');
INSERT INTO "refused" VALUES(2,-88965058192290561,'bus','tickets 1795341435771-1',1795341435771,'"at" is required. (at /at)',X'7B226964223A202278222C20227469636B6574223A2022494E432D39222C202274797065223A20226F70656E6564227D');
CREATE TABLE revisions(no INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, digest INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
INSERT INTO "revisions" VALUES(1,1795341435756,-3424353360959160907,0,'calendars:
  always: 24x7
defaults:
  calendar: always
  escalation: standard
  notify: [console]
  pause: {status: [pending]}
  boundary: close
  on_change: retroactive
  reopen: {after: resume, within: 14d, later: new-cycle}
policies:
  quick:
    metrics:
      response:
        target: {P1: 1s, default: 1h}
        start: {type: opened}
        stop:
          - {type: replied, actor: agent, public: true, automated: false}
          - {type: [resolved, closed], actor: [agent, system]}
        cancel: {type: [resolved, closed], actor: customer}
        pause: []
      resolution:
        target: 4000h
        start: {type: opened}
        stop: {type: [resolved, closed]}
        cancel: []
        pause: {status: [pending]}
    escalation: standard
contracts:
  acme: {customer: "ACME, S.A.", policy: quick, match: {organization: [ACME S.A.]}}
  other: {customer: Other, policy: quick}
escalations:
  standard: [{at: 50%, notify: [hook]}, {at: breach, notify: [hook, gone]}]
receivers:
  console: {log: {}}
  hook: {log: {}}
  gone: {log: {}}
',-6591129126967864512);
CREATE TABLE tickets(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;
INSERT INTO "tickets" VALUES('desk','INC-1','acme',5,X'01046465736B05494E432D310105040213436F72652073776974636820697320646F776E1A68747470733A2F2F6465736B2E6578616D706C652E636F6D2F31D88D82ABC068F2ADBCFDF5680101070461636D6502503108457661205275697A03416E6108726573706F6E7365033530250662726561636828F986C195A034000030A9DFC2FD3406ECD6F4B0D810213AD30F0122049819853C07CD1B297DF6CB041101070501B34105EF010002060300070300',-8539731291294165109);
INSERT INTO "tickets" VALUES('desk','INC-2','acme',2,X'01046465736B05494E432D3202020401105375626A656374206F6620494E432D3200D88D82ABC068F2EADDACC0680201020461636D6502503216F986C195A034000020D3CE0AF2840A3FC192E498102100',-2065265365839014317);
INSERT INTO "tickets" VALUES('desk','INC-3','acme',6,X'01046465736B05494E432D3303060402105375626A656374206F6620494E432D3300D88D82ABC068F4EADDACC0682101030461636D650250320770656E64696E6727FA86C195A034000020E7FB1B52F7CAA3931F26051021D20F000110DB9B6BC76647172B84780C3300',-5733785999314822247);
CREATE TABLE verdicts(ns TEXT, ticket TEXT, metric TEXT, cycle INTEGER, contract TEXT NOT NULL, agreement TEXT NOT NULL, priority TEXT NOT NULL, state TEXT NOT NULL, breached INTEGER NOT NULL, waived INTEGER NOT NULL, started_ms INTEGER, stopped_ms INTEGER, due_ms INTEGER, elapsed_ms INTEGER NOT NULL, paused_ms INTEGER NOT NULL, target TEXT NOT NULL, PRIMARY KEY(ns, ticket, metric, cycle)) STRICT, WITHOUT ROWID;
INSERT INTO "verdicts" VALUES('desk','INC-1','response',1,'acme','sla','P1','breached',1,0,1795341435769,1795341437771,1795341436769,2002,0,'1s');
INSERT INTO "verdicts" VALUES('desk','INC-4','resolution',1,'acme','sla','P1','met',0,0,1795341435770,1795341437777,1809741435770,2007,0,'4000h');
INSERT INTO "verdicts" VALUES('desk','INC-4','response',1,'acme','sla','P1','breached',1,0,1795341435770,1795341437777,1795341436770,2007,0,'1s');
CREATE INDEX closed_over ON closed(over_ms, ns, ticket);
CREATE UNIQUE INDEX outbox_key ON outbox(id, receiver);
CREATE INDEX outbox_ticket ON outbox(ns, ticket);
CREATE INDEX outbox_pending ON outbox(no) WHERE state = 0;
CREATE INDEX outbox_dead ON outbox(no) WHERE state = 3;
CREATE UNIQUE INDEX refused_key ON refused(digest);
CREATE INDEX refused_source ON refused(source);
CREATE INDEX refused_at ON refused(at_ms);
COMMIT;
PRAGMA journal_mode = WAL;
