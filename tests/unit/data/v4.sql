PRAGMA page_size = 16384;
PRAGMA application_id = 1886157423;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE closed(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL, over_ms INTEGER NOT NULL, PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;
INSERT INTO "closed" VALUES('desk','INC-4','acme',7,X'01046465736B05494E432D3404070C02105375626A656374206F6620494E432D340088B9BAABC068000001070461636D6502503103416E6108726573706F6E736503353025066272656163680A7265736F6C7574696F6E27E89CDD95A0340C002044D6525D88E439576A12D21021E40F0C25040586767B6E864D94DEF498031802070401A9548F4B010002050300060300000701D55A5567',-1032428216978965000,1795341899328);
CREATE TABLE cursors(source TEXT, key TEXT, value TEXT NOT NULL, sum INTEGER, PRIMARY KEY(source, key)) STRICT, WITHOUT ROWID;
INSERT INTO "cursors" VALUES('bus','tickets','1795341899329-0',-4783181222033300486);
CREATE TABLE journal(seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, records BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;
INSERT INTO "journal" VALUES(8,1,X'5301000003AA98C0ABC0680193A3E70F0A494E432D352D6F70656E05494E432D35046465736B0868656C706465736B8388010461636D6502503208457661205275697A105375626A656374206F6620494E432D35',-8817210128925561043);
INSERT INTO "journal" VALUES(9,1,X'3E01010003C298C0ABC06801E7AC937F16494E432D322D6368616E6765642D386631653835356405494E432D32046465736B0868656C706465736B02025033',3168031429553390540);
CREATE TABLE judged(no INTEGER PRIMARY KEY, n INTEGER NOT NULL, latest_ms INTEGER NOT NULL, records BLOB NOT NULL) STRICT;
INSERT INTO "judged" VALUES(1,1,1795341899316,X'1D046465736B05494E432D310461636D6508726573706F6E736503736C6102503108627265616368656402317301AAB9BAABC068BE1FD00FBE1F00');
INSERT INTO "judged" VALUES(2,1,1795341899328,X'1C046465736B05494E432D340461636D650A7265736F6C7574696F6E03736C61025031036D657405343030306801B8B9BAABC068C81F80C0F4A46BC81F00');
INSERT INTO "judged" VALUES(3,1,1795341899328,X'1D046465736B05494E432D340461636D6508726573706F6E736503736C6102503108627265616368656402317301B8B9BAABC068C81FD00FC81F00');
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('clean',1);
INSERT INTO "meta" VALUES('id','9c44543dfbe8262e532ba8fa622d3460');
INSERT INTO "meta" VALUES('key',X'E6696F642BAC9367C3431F34273B49CF');
INSERT INTO "meta" VALUES('latest',1795341912304);
INSERT INTO "meta" VALUES('seq',7);
CREATE TABLE outbox(no INTEGER PRIMARY KEY, id TEXT NOT NULL, receiver TEXT NOT NULL, type TEXT NOT NULL, ns TEXT NOT NULL, ticket TEXT NOT NULL, body TEXT NOT NULL, created_ms INTEGER, at_ms INTEGER, due_ms INTEGER, state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER, status INTEGER NOT NULL, detail TEXT NOT NULL, settled_ms INTEGER, head_sum INTEGER, body_sum INTEGER, fate_sum INTEGER) STRICT;
INSERT INTO "outbox" VALUES(1,'4e8a08bd0a8cc63b979cfb46e39bfe9d','hook','sla.warning','desk','INC-1','{"id":"4e8a08bd0a8cc63b979cfb46e39bfe9d","type":"sla.warning","at":"2026-11-22T10:04:57.801Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"50%","occurrence":1,"due":"2026-11-22T10:04:58.301Z","target":"1s","elapsed_s":0.5,"remaining_s":0.5,"priority":"P1","receivers":["hook"],"reason":"50%: of the target is used, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341897802,1795341897801,1795341898301,1,1,NULL,200,'200',1795341897804,-2606400271281048387,1468214160176818158,7302117950017522375);
INSERT INTO "outbox" VALUES(2,'5c8c56e8d3dceacd2da81dd1c5f089c4','hook','sla.warning','desk','INC-4','{"id":"5c8c56e8d3dceacd2da81dd1c5f089c4","type":"sla.warning","at":"2026-11-22T10:04:57.808Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"50%","occurrence":1,"due":"2026-11-22T10:04:58.308Z","target":"1s","elapsed_s":0.5,"remaining_s":0.5,"priority":"P1","receivers":["hook"],"reason":"50%: of the target is used, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341897809,1795341897808,1795341898308,1,1,NULL,200,'200',1795341897821,-8367897370862853672,1778489930964690755,6644123718958639576);
INSERT INTO "outbox" VALUES(3,'6fa48af37b4c540cf921a0c8a18136f2','hook','sla.breach','desk','INC-1','{"id":"6fa48af37b4c540cf921a0c8a18136f2","type":"sla.breach","at":"2026-11-22T10:04:58.301Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T10:04:58.301Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341898304,1795341898301,1795341898301,1,1,NULL,200,'200',1795341898313,9091382761016783550,1859422091394198562,2396575506461492137);
INSERT INTO "outbox" VALUES(4,'6fa48af37b4c540cf921a0c8a18136f2','gone','sla.breach','desk','INC-1','{"id":"6fa48af37b4c540cf921a0c8a18136f2","type":"sla.breach","at":"2026-11-22T10:04:58.301Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T10:04:58.301Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341898304,1795341898301,1795341898301,3,1,NULL,410,'410',1795341898313,14021485699381596,1859422091394198562,7770874163088404996);
INSERT INTO "outbox" VALUES(5,'3cd407839a11c76993b99d6a63e67672','hook','sla.breach','desk','INC-4','{"id":"3cd407839a11c76993b99d6a63e67672","type":"sla.breach","at":"2026-11-22T10:04:58.308Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T10:04:58.308Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341898309,1795341898308,1795341898308,1,1,NULL,200,'200',1795341898331,5700093421323881678,-7215594379126117727,3110027717801988682);
INSERT INTO "outbox" VALUES(6,'3cd407839a11c76993b99d6a63e67672','gone','sla.breach','desk','INC-4','{"id":"3cd407839a11c76993b99d6a63e67672","type":"sla.breach","at":"2026-11-22T10:04:58.308Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2026-11-22T10:04:58.308Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341898309,1795341898308,1795341898308,3,0,NULL,410,'endpoint is disabled (410)',1795341898327,-752575712220783031,-7215594379126117727,4944552936956692662);
INSERT INTO "outbox" VALUES(7,'b3cd50f3176bccd440c3956cff3e3f91','console','daemon.endpoint','','gone','{"id":"b3cd50f3176bccd440c3956cff3e3f91","type":"daemon.endpoint","at":"2026-11-22T10:04:58.313Z","ticket":"gone","contract":null,"metric":null,"cycle":1795341898,"step":"410","occurrence":1,"due":null,"target":null,"elapsed_s":0,"remaining_s":0,"priority":null,"receivers":["console"],"reason":"Receiver gone answered 410 and is disabled until the next reload.","late_s":0,"namespace":null}',1795341898313,1795341898313,NULL,1,1,NULL,0,'logged',1795341898331,-2881915726900417112,7108423659509964472,-4200958064636360605);
INSERT INTO "outbox" VALUES(8,'598fb8b209660cf0db76b3543e4b67e0','hook','sla.cleared','desk','INC-1','{"id":"598fb8b209660cf0db76b3543e4b67e0","type":"sla.cleared","at":"2026-11-22T10:04:59.316Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T10:04:58.301Z","target":"1s","elapsed_s":2.015,"remaining_s":-1.015,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.001,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341899328,1795341899316,1795341898301,1,1,NULL,200,'200',1795341899348,5691321869562602738,299414939468931764,-2095490966539850834);
INSERT INTO "outbox" VALUES(9,'598fb8b209660cf0db76b3543e4b67e0','gone','sla.cleared','desk','INC-1','{"id":"598fb8b209660cf0db76b3543e4b67e0","type":"sla.cleared","at":"2026-11-22T10:04:59.316Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T10:04:58.301Z","target":"1s","elapsed_s":2.015,"remaining_s":-1.015,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.001,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"desk"}',1795341899328,1795341899316,1795341898301,2,0,0,0,'nobody was told before',1795341899343,-6039425194295818142,299414939468931764,7858306040404453910);
INSERT INTO "outbox" VALUES(10,'e1bfc4341501c15db9adc01a9d681362','hook','sla.cleared','desk','INC-4','{"id":"e1bfc4341501c15db9adc01a9d681362","type":"sla.cleared","at":"2026-11-22T10:04:59.328Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T10:04:58.308Z","target":"1s","elapsed_s":2.02,"remaining_s":-1.02,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.012,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341899343,1795341899328,1795341898308,1,1,NULL,200,'200',1795341899344,-2858306035558201305,5397326274001504967,-7277425013642517057);
INSERT INTO "outbox" VALUES(11,'e1bfc4341501c15db9adc01a9d681362','gone','sla.cleared','desk','INC-4','{"id":"e1bfc4341501c15db9adc01a9d681362","type":"sla.cleared","at":"2026-11-22T10:04:59.328Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2026-11-22T10:04:58.308Z","target":"1s","elapsed_s":2.02,"remaining_s":-1.02,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.012,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"desk"}',1795341899343,1795341899328,1795341898308,2,0,0,0,'nobody was told before',1795341899344,-6381805970829836192,5397326274001504967,805436772746817961);
CREATE TABLE refused(no INTEGER PRIMARY KEY, digest INTEGER NOT NULL, source TEXT NOT NULL, place TEXT NOT NULL, at_ms INTEGER NOT NULL, why TEXT NOT NULL, body BLOB NOT NULL) STRICT;
INSERT INTO "refused" VALUES(1,2396797212296924426,'bus','tickets 1795341897309-0',1795341897320,'This is not the JSON that is taken here: not a JSON value (line 1, column 1)',X'6E6F206576656E7420617420616C6C');
INSERT INTO "refused" VALUES(2,-298654130136201401,'bus','tickets 1795341897309-1',1795341897320,'"at" is required. (at /at)',X'7B226964223A202278222C20227469636B6574223A2022494E432D39222C202274797065223A20226F70656E6564227D');
CREATE TABLE revisions(no INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, digest INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
INSERT INTO "revisions" VALUES(1,1795341897284,-3424353360959160907,0,'calendars:
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
',6225586026630391191);
CREATE TABLE tickets(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;
INSERT INTO "tickets" VALUES('desk','INC-1','acme',5,X'01046465736B05494E432D310105040213436F72652073776974636820697320646F776E1A68747470733A2F2F6465736B2E6578616D706C652E636F6D2F3188B9BAABC068AAD9F4FDF5680101070461636D6502503108457661205275697A03416E6108726573706F6E7365033530250662726561636828D69CDD95A0340100303E88DD8B5A926D0FE5C71C10213ADF0F01220469C8ABE40745B6E01DCF330411010705012BDB601A010002060300070300',-6629527170068348986);
INSERT INTO "tickets" VALUES('desk','INC-2','acme',2,X'01046465736B05494E432D3202020401105375626A656374206F6620494E432D320088B9BAABC068AC9696ADC0680201020461636D6502503216D69CDD95A03400002075DEA738D0D74ECAE9A48F102100',-5056350086345048368);
INSERT INTO "tickets" VALUES('desk','INC-3','acme',6,X'01046465736B05494E432D3303060402105375626A656374206F6620494E432D330088B9BAABC068B89696ADC0682101030461636D650250320770656E64696E6727DC9CDD95A034000020C7C80561F407E58AD861621021D90F010110149673E39BCE888F26E11B3300',-2977759451490724959);
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
