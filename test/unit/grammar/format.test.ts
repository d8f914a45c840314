// SPDX-License-Identifier: Apache-2.0
// The canonical form, and where comments go.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { format } from '../../../grammar/format.js';
import { parse } from '../../../grammar/parse.js';

const canonical = (source: string): string => {
  const { file, faults } = parse(source);
  expect(faults).toEqual([]);
  return format(file, source);
};

it('puts white space, brackets and strings in order', () => {
  expect(
    canonical(`
sep   1 policy a.b   1.0.0
allow x:any->a/b,c/d when{((a==1)and(b or c))}because "\\u{41}\\u0042"


deny y : role:x except agent:a -> * on   list unless { not(a in b) }
test "t"{as agent:a a/b{x:1,"y":[1,{z:null}]}=>allow by x}
`),
  ).toBe(`sep 1
policy a.b 1.0.0
allow x: any -> a/b, c/d when { a == 1 and (b or c) } because "AB"

deny y: role:x except agent:a -> * on list unless { not a in b }
test "t" {
  as agent:a
  a/b { x: 1, "y": [1, { z: null }] } => allow by x
}
`);
});

it('breaks what is wider than a hundred columns, and only that', () => {
  const long = 'args.path under "/workspace/drafts" and size(args.content) < 5000';
  expect(
    canonical(`sep 1
policy a 1.0.0
allow x: any -> fs/write_file when { ${long} } because "short"
allow y: agent:content-editor -> fs/write_file when { ${long} and (principal has role writer or user has role writer) } because "x"
let z = ${long} or ${long}
decide d on fs/* { case ${long} => review by role:content_lead timeout 15m because "r" otherwise => deny }
principals p = agent:aaaaaaaaaaaaaaaaaaaaaaaaaaaa, agent:bbbbbbbbbbbbbbbbbbbbbbbbbbbbb, agent:ccccccccccccccccccccc except user:*, role:x
test "t" { fs/write_file { path: "/workspace/drafts/post.md", content: "something that is long" } => allow by x }
`),
  ).toBe(`sep 1
policy a 1.0.0
allow x: any -> fs/write_file
  when { args.path under "/workspace/drafts" and size(args.content) < 5000 }
  because "short"
allow y: agent:content-editor -> fs/write_file
  when {
    args.path under "/workspace/drafts"
    and size(args.content) < 5000
    and (principal has role writer or user has role writer)
  }
  because "x"
let z =
  args.path under "/workspace/drafts" and size(args.content) < 5000
  or args.path under "/workspace/drafts" and size(args.content) < 5000
decide d on fs/* {
  case args.path under "/workspace/drafts" and size(args.content) < 5000
    => review by role:content_lead timeout 15m because "r"
  otherwise => deny
}
principals p =
  agent:aaaaaaaaaaaaaaaaaaaaaaaaaaaa,
  agent:bbbbbbbbbbbbbbbbbbbbbbbbbbbbb,
  agent:ccccccccccccccccccccc
  except user:*,
  role:x
test "t" {
  fs/write_file { path: "/workspace/drafts/post.md", content: "something that is long" }
    => allow by x
}
`);
});

it('leaves each comment at what it speaks of', () => {
  const source = `// Copyright
sep 1  // edition
// the name
policy acme.files 1.0.0 tighten  // tight

// who
principals editors =
  agent:a,  // first
  agent:b,  // second
  // all others
  agent:c-*
  // but not these
  except agent:c-x  // no
actions danger =
  // gone
  fs/delete_file,
  */admin_*

allow x: editors -> fs/write_file  // head
  // only drafts
  when {
    // under drafts
    args.path under "/drafts"  // small only
    and size(args.content) < 500
    // end of block
  }  // after block
  because "x"  // because

score risk: per session {  // a score
  add 1 on a/b  // one
    when {
      // sometimes
      args.a > 1
    }
  // no cap
}

decide d on fs/* {  // first match
  // one
  case args.path under "/a" => allow  // yes

  // two
  case args.b == 3  // b
    // then
    => deny because "no"
  otherwise => deny  // last
  // end
}  // d

test "a" {  // t
  as agent:x  // who
  // p
  fs/read { path: "/a" } => allow  // q
}
// end
`;
  expect(canonical(source)).toBe(source);
});

it('moves a comment inside of a line before it', () => {
  expect(
    canonical(`sep 1
policy a 1.0.0
allow x: // one
  any // two
  -> a/b
  because // three
    "x"
test "t" { a/b { x: 1, // four
  y: 2 } => deny }
`),
  ).toBe(`sep 1
policy a 1.0.0
// one
// two
allow x: any -> a/b
  // three
  because "x"
test "t" {
  // four
  a/b { x: 1, y: 2 } => deny
}
`);
});

it('keeps one blank line where there are some, and none at the edges', () => {
  expect(
    canonical(`


sep 1
policy a 1.0.0



allow x: any -> a/b



// note


allow y: any -> a/b
decide d on a/b {

  // first

  case a => deny


  otherwise => deny

}


`),
  ).toBe(`sep 1
policy a 1.0.0

allow x: any -> a/b

// note

allow y: any -> a/b
decide d on a/b {
  // first

  case a => deny

  otherwise => deny
}
`);
});

it('is the form of every policy that we show', () => {
  const examples = join(import.meta.dirname, '../../../examples');
  const policies = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.sep'),
  );
  expect(policies.length).toBeGreaterThan(0);
  for (const name of policies) {
    const source = readFileSync(join(examples, name), 'utf8');
    expect(canonical(source), name).toBe(source);
  }
});
