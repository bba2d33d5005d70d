// registry.cjs REGISTRY: completes the package-lock.json of the current folder with where its packages are found.
// SPDX-License-Identifier: Apache-2.0
//
// The lock file names versions and checksums and no host, so that each machine asks the registry that its npm is set to.
// But npm takes a dependency that is named by a tag (third-party-web@latest) for missing unless its place is known.
'use strict';
const {readFileSync, writeFileSync} = require('node:fs');

const registry = process.argv[2].replace(/\/+$/, '');
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
for (const [folder, found] of Object.entries(lock.packages)) {
  const name = folder.split('node_modules/').pop();
  if (folder !== '') {
    found.resolved = `${registry}/${name}/-/${name.split('/').pop()}-${found.version}.tgz`;
  }
}
writeFileSync('package-lock.json', JSON.stringify(lock));
