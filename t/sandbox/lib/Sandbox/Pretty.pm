# Lays out JSON over lines, as Stripe does with the body of a webhook: two spaces for each level.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Pretty;
use Mojo::Base -strict, -signatures;
use Exporter 'import';

our @EXPORT_OK = qw(pretty);

# JSON without white space between its parts, as bytes.
sub pretty ($json) {
    my $depth = 0;
    my %put = (
        '{' => sub { "{\n" . '  ' x ++$depth },
        '[' => sub { "[\n" . '  ' x ++$depth },
        '}' => sub { "\n" . '  ' x --$depth . '}' },
        ']' => sub { "\n" . '  ' x --$depth . ']' },
        ',' => sub { ",\n" . '  ' x $depth },
        ':' => sub {': '},
    );
    return $json =~ s/("(?:[^"\\]++|\\.)*+"|\{\}|\[\])|([\{\}\[\],:])/defined $1 ? $1 : $put{$2}->()/ger;
}

1;
