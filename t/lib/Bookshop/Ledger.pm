# Whether the shop's database and the Stripe sandbox tell the same story: the invariants that t/bin/check-ledger prints.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Ledger;
use strict;
use warnings;
use DBI;
use DBD::SQLite::Constants qw(SQLITE_OPEN_READONLY SQLITE_OPEN_URI);
use List::Util qw(sum0);
use Mojo::UserAgent;

use constant { SHOWN => 10, WAIT => 30 };

# At Stripe, a payment that its buyer could still pay.
my %PAYABLE = map { $_ => 1 } qw(requires_payment_method requires_confirmation requires_action);

# Each takes the facts, and answers (what holds, how many were looked at, [what is wrong], note).
my @INVARIANTS = (
    [I0 => \&database_is_whole],
    [I1 => \&succeeded_is_paid],
    [I2 => \&paid_is_succeeded],
    [I3 => \&amounts_agree],
    [I4 => undef, 'no stock is kept yet'],
    [I5 => \&events_once],
    [I6 => undef, 'there are no refunds yet'],
    [I7 => \&one_open],
    [I8 => \&nothing_secret],
);

# database => FILE, port => the sandbox's, logs => FOLDER or undef, pending => seconds that a succeeded payment may wait for
# its order. The invariants as [{ name, state (ok, broken, none), text, count, found => [...], note }]. It dies with a
# sentence where it can't look. A shop at work changes while it is looked at: only what two looks find is broken.
sub check {
    my (%given) = @_;
    my $first = examine(%given);
    return $first if holds($first);
    my $second = examine(%given);
    for my $number (0 .. $#$second) {
        my %before = map { $_ => 1 } @{ $first->[$number]{found} };
        my $result = $second->[$number];
        $result->{found} = [grep { $before{$_} } @{ $result->{found} }];
        $result->{state} = 'ok' if $result->{state} eq 'broken' && !@{ $result->{found} };
    }
    return $second;
}

sub examine {
    my (%given) = @_;
    my $facts = { %given, intents => intents($given{port}, $given{pending}), tables($given{database}) };
    my @results;
    for my $invariant (@INVARIANTS) {
        my ($name, $examine, $why_not) = @$invariant;
        if (!$examine) {
            push @results, { name => $name, state => 'none', text => $why_not, found => [] };
            next;
        }
        my ($text, $count, $found, $note) = $examine->($facts);
        push @results, { name => $name, state => @$found ? 'broken' : 'ok', text => $text, count => $count, found => $found, note => $note };
    }
    return \@results;
}

sub holds { my ($results) = @_; return !grep { $_->{state} eq 'broken' } @$results }

# A line for each.
sub lines {
    my ($results) = @_;
    return map {
        my $line = sprintf '%s %-4s %s', $_->{name}, { ok => 'ok', broken => 'BROKEN', none => '--' }->{ $_->{state} }, $_->{text};
        $line .= " ($_->{count})" if defined $_->{count};
        $line .= ': ' . shortened('; ', @{ $_->{found} }) if @{ $_->{found} };
        $line .= "; $_->{note}" if $_->{note};
        $line;
    } @$results;
}

sub shortened {
    my ($between, @list) = @_;
    my $more = @list - SHOWN;
    return join $between, @list[0 .. ($more > 0 ? SHOWN - 1 : $#list)], $more > 0 ? "and $more more" : ();
}

# --- The two stories

# The PaymentIntents at the sandbox by id; with `since` where it matters, the time at which one succeeded.
sub intents {
    my ($port, $pending) = @_;
    my $ua    = Mojo::UserAgent->new(connect_timeout => WAIT, request_timeout => WAIT, inactivity_timeout => WAIT, max_response_size => 0);
    my $where = "http://127.0.0.1:$port";
    my $list  = sub {
        my ($kind) = @_;
        my $tx     = $ua->get("$where/_sandbox/ledger?kind=$kind");
        my $known  = $tx->error && !$tx->error->{code} ? die "No sandbox answers at $where (" . $tx->error->{message} . ").\n" : $tx->res->json;
        die "What answers at $where is no Stripe sandbox.\n" if ref $known ne 'HASH' || !exists $known->{payment_intent};
        return @{ $known->{$kind} // [] };
    };
    my %intent = map { $_->{id} => $_ } $list->('payment_intent');
    if ($pending) {
        $intent{$_}{since} = $intent{$_}{created} for keys %intent;
        for my $event ($list->('event')) {
            my $object = $event->{data}{object};
            $intent{ $object->{id} }{since} = $event->{created} if $event->{type} eq 'payment_intent.succeeded' && $intent{ $object->{id} };
        }
    }
    return \%intent;
}

# What the database says, in one snapshot of it.
sub tables {
    my ($file) = @_;
    die "The database $file is not there, or out of this user's reach.\n" if !-e $file;
    my %table;
    my $good = eval {
        my $handle = reader($file);
        $table{faults} = [
            (grep { $_ ne 'ok' } map { $_->[0] } @{ $handle->selectall_arrayref('PRAGMA quick_check(10)') }),
            (map {"a row of $_->[0] names none of $_->[2]"} @{ $handle->selectall_arrayref('PRAGMA foreign_key_check') }),
        ];
        $table{shop}     = ($handle->selectrow_array(q(SELECT value FROM setting WHERE name = 'shop_id')))[0] // die "it is no database of a shop\n";
        $table{orders}   = $handle->selectall_hashref('SELECT * FROM shop_order', 'number');
        $table{lines}    = $handle->selectall_arrayref('SELECT * FROM order_line ORDER BY number, position', { Slice => {} });
        $table{payments} = $handle->selectall_arrayref('SELECT * FROM payment ORDER BY created, number, attempt', { Slice => {} });
        $table{events}   = $handle->selectcol_arrayref('SELECT id FROM event');
        $table{texts}    = texts($handle);
        $handle->rollback;
        $handle->disconnect;
        1;
    };
    die "The database $file can't be read: " . ($@ =~ s/ at \S+ line \d+\.?\s*\z//r =~ s/\s*\z//r) . ".\n" if !$good;
    push @{ $table{payments_of}{ $_->{number} } }, $_ for @{ $table{payments} };
    push @{ $table{rows_of}{ $_->{intent} } }, $_ for grep { defined $_->{intent} } @{ $table{payments} };
    return %table;
}

# A connection that can't write, in a transaction. Where no log of writes lies beside the database nobody has it open, and
# it is read as it is: otherwise SQLite would make the log's files anew.
sub reader {
    my ($file) = @_;
    my $name   = $file =~ s/([%?#])/sprintf '%%%02X', ord $1/ger;
    my $frozen = -s "$file-wal" || -e "$file-shm" ? '' : '&immutable=1';
    my $handle = DBI->connect("dbi:SQLite:uri=file:$name?mode=ro$frozen", '', '', {
        RaiseError => 1, PrintError => 0, sqlite_use_immediate_transaction => 0, sqlite_open_flags => SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
    });
    $handle->sqlite_busy_timeout(WAIT * 1000);
    $handle->begin_work;
    return $handle;
}

# Every text in the database as [table, text].
sub texts {
    my ($handle) = @_;
    my @texts;
    for my $table (@{ $handle->selectcol_arrayref(q(SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name)) }) {
        my $rows = $handle->selectall_arrayref('SELECT * FROM ' . $handle->quote_identifier($table));
        push @texts, map { [$table, $_] } grep { defined && /[^0-9]|\A.{13}/ } map {@$_} @$rows;
    }
    return \@texts;
}

# --- The invariants

sub database_is_whole {
    my ($facts) = @_;
    return ('the database is whole, and what its rows name is there', undef, $facts->{faults});
}

sub metadata { my ($intent, $name) = @_; return ref $intent->{metadata} eq 'HASH' ? $intent->{metadata}{$name} // '' : '' }

# Ours is what the database knows by its id, or whose metadata names this shop.
sub ours {
    my ($facts) = @_;
    return sort { $a->{created} <=> $b->{created} || $a->{id} cmp $b->{id} }
        grep { $facts->{rows_of}{ $_->{id} } || metadata($_, 'shop') eq $facts->{shop} } values %{ $facts->{intents} };
}

# The orders that INTENT is for, by the payments' rows, or else by its metadata.
sub orders_of {
    my ($facts, $intent) = @_;
    my @rows = @{ $facts->{rows_of}{ $intent->{id} } // [] };
    return map { $facts->{orders}{$_} // () } @rows ? map { $_->{number} } @rows : metadata($intent, 'order');
}

sub is_held { my ($order) = @_; return $order->{mismatch} ne '' }

# Which succeeded payments each order has that nobody holds.
sub paid_by {
    my ($facts) = @_;
    my %paid_by;
    for my $intent (grep { $_->{status} eq 'succeeded' } ours($facts)) {
        push @{ $paid_by{ $_->{number} } }, $intent->{id} for grep { !is_held($_) } orders_of($facts, $intent);
    }
    return \%paid_by;
}

sub succeeded_is_paid {
    my ($facts) = @_;
    my (@found, @pending);
    my @succeeded = grep { $_->{status} eq 'succeeded' } ours($facts);
    for my $intent (@succeeded) {
        my ($order, @more) = orders_of($facts, $intent);
        if (!$order || @more) {
            push @found, "$intent->{id} has " . ($order ? 'orders ' . join ', ', map { $_->{number} } $order, @more : 'no order');
        }
        elsif (!is_held($order) && $order->{received} <= 0) {
            my $waits = $facts->{pending} && time - $intent->{since} <= $facts->{pending};
            push @{ $waits ? \@pending : \@found }, "$intent->{id} succeeded, order $order->{number} is not paid";
        }
    }
    my $paid_by = paid_by($facts);
    push @found, map { "order $_ has " . join ' and ', @{ $paid_by->{$_} } } grep { @{ $paid_by->{$_} } > 1 } sort keys %$paid_by;
    my @held = map {"$_->{number} ($_->{mismatch})"} sort { $a->{number} cmp $b->{number} } grep { is_held($_) } values %{ $facts->{orders} };
    my $note = join '; ', @held ? 'held: ' . shortened(', ', @held) : (), @pending ? 'on its way: ' . shortened(', ', @pending) : ();
    return ('every succeeded PaymentIntent is exactly one paid order', scalar @succeeded, \@found, $note);
}

sub paid_is_succeeded {
    my ($facts) = @_;
    my @found;
    my @paid = grep { $_->{received} > 0 || $_->{paid} > 0 } map { $facts->{orders}{$_} } sort keys %{ $facts->{orders} };
    for my $order (@paid) {
        my @ids = grep {defined} map { $_->{intent} } @{ $facts->{payments_of}{ $order->{number} } // [] };
        my @states = map { $facts->{intents}{$_} ? "$_ is $facts->{intents}{$_}{status}" : "$_ is not at Stripe" } @ids;
        push @found, "order $order->{number} is paid, but " . (@states ? join ' and ', @states : 'has no PaymentIntent')
            if !grep {/ is succeeded\z/} @states;
        push @found, "order $order->{number} is paid half: $order->{received} received at $order->{paid}" if !$order->{received} || !$order->{paid};
    }
    return ('no order is paid without a succeeded PaymentIntent', scalar @paid, \@found);
}

sub amounts_agree {
    my ($facts) = @_;
    my (@found, %lines);
    push @{ $lines{ $_->{number} } }, $_ for @{ $facts->{lines} };
    for my $order (map { $facts->{orders}{$_} } sort keys %{ $facts->{orders} }) {
        my @lines = @{ $lines{ $order->{number} } // [] };
        my $sum   = sum0(map { $_->{total} } @lines);
        push @found, "order $order->{number} is of $order->{total}, its lines of $sum" if $sum != $order->{total};
        push @found, map {"order $order->{number}: $_->{quantity} at $_->{unit_price} are not $_->{total}"}
            grep { $_->{quantity} * $_->{unit_price} != $_->{total} } @lines;
        push @found, "order $order->{number} is of $order->{total}, received $order->{received}"
            if !is_held($order) && $order->{received} && $order->{received} != $order->{total};
        push @found, map { amount_faults($facts, $order, $_) } @{ $facts->{payments_of}{ $order->{number} } // [] };
    }
    return ('lines, order and PaymentIntent are of one amount and currency', scalar keys %{ $facts->{orders} }, \@found);
}

# What of PAYMENT, and of its PaymentIntent, is not as ORDER has it. One that is held differs, and is known to.
sub amount_faults {
    my ($facts, $order, $payment) = @_;
    my @found;
    my $is = sub { my ($what, $value, $wanted) = @_; push @found, "order $order->{number} is of $wanted, $what of $value" if $value ne $wanted };
    $is->("its payment $payment->{attempt}", "$payment->{amount} $payment->{currency}", "$order->{total} $order->{currency}");
    return @found if is_held($order) || !defined $payment->{intent};
    my $intent = $facts->{intents}{ $payment->{intent} };
    if (!$intent) {
        push @found, "order $order->{number}: $payment->{intent} is not at Stripe" if $payment->{state} ne 'over';
        return @found;
    }
    $is->($intent->{id}, "$intent->{amount} $intent->{currency}", "$order->{total} $order->{currency}");
    $is->("what $intent->{id} received", $intent->{amount_received}, $order->{total}) if $intent->{status} eq 'succeeded' && $order->{received};
    push @found, "order $order->{number} and $intent->{id} differ in livemode" if !!$intent->{livemode} ne !!$order->{livemode};
    return @found;
}

sub events_once {
    my ($facts) = @_;
    my %times;
    $times{$_}++ for @{ $facts->{events} };
    my $paid_by = paid_by($facts);
    my @found = (
        (map {"event $_ $times{$_} times"} grep { $times{$_} > 1 } sort keys %times),
        (map { "order $_ is paid " . @{ $paid_by->{$_} } . ' times' } grep { @{ $paid_by->{$_} } > 1 } sort keys %$paid_by),
    );
    return ('each event has had its effect once, no order is paid twice', scalar @{ $facts->{events} }, \@found);
}

sub one_open {
    my ($facts) = @_;
    my (@found, @unknown, %open, %alive, $count);
    for my $intent (ours($facts)) {
        my $is_known = $facts->{rows_of}{ $intent->{id} };
        my ($order)  = orders_of($facts, $intent);
        push @unknown, $intent->{id} if !$is_known;
        next if $intent->{status} eq 'canceled';
        push @found, "$intent->{id} ($intent->{status}) is not known by its id, and no call waits to be repeated for it"
            if !$is_known && !($order && grep { $_->{state} eq 'creating' } @{ $facts->{payments_of}{ $order->{number} } // [] });
        next if !$order;
        push @{ $alive{ $order->{number} } }, $intent->{id};
        next if !$PAYABLE{ $intent->{status} };
        $count++;
        push @{ $open{ $order->{visitor} } }, $intent->{id};
    }
    my %rows;
    $rows{ $_->{visitor} }++ for grep { $_->{state} ne 'over' } @{ $facts->{payments} };
    push @found, (map { "visitor " . substr($_, 0, 8) . "... can pay " . join ' and ', @{ $open{$_} } } grep { @{ $open{$_} } > 1 } sort keys %open),
        (map { "order $_ has " . join ' and ', @{ $alive{$_} } } grep { @{ $alive{$_} } > 1 } sort keys %alive),
        (map { "visitor " . substr($_, 0, 8) . "... has $rows{$_} payments that are not over" } grep { $rows{$_} > 1 } sort keys %rows);
    my $note = @unknown ? 'not known by id yet: ' . shortened(', ', @unknown) : '';
    return ('at most one open PaymentIntent per visitor, one that is not canceled per order', $count // 0, \@found, $note);
}

# --- Secrets

my %SECRET = (
    'a key'            => qr/(?:sk|rk)_(?:test|live)_/,
    'a webhook secret' => qr/whsec_/,
    'a client secret'  => qr/_secret_[A-Za-z0-9]/,
);

sub nothing_secret {
    my ($facts) = @_;
    my %found;
    my @logs  = defined $facts->{logs} ? sort grep {-f} glob(quoted($facts->{logs}) . '/*') : ();
    my @files = ((grep {-s} $facts->{database}, "$facts->{database}-wal"), @logs);
    for my $path (@files) {
        my $name = $path =~ s{.*/}{}r;
        open my $file, '<:raw', $path or die "$path can't be read: $!.\n";
        while (my $line = <$file>) {
            $found{"$name holds $_"} = 1 for secrets_in($line);
        }
    }
    for my $text (@{ $facts->{texts} }) {
        $found{"the table $text->[0] holds $_"} = 1 for secrets_in($text->[1]);
    }
    my $where = defined $facts->{logs} ? 'database and logs' : 'the database';
    return ("no secret, key or card number is in $where", scalar(@files) . (@files == 1 ? ' file' : ' files'), [sort keys %found]);
}

sub quoted { my ($folder) = @_; return $folder =~ s/([\\\s*?\[\]{}~'"])/\\$1/gr }

sub secrets_in {
    my ($text) = @_;
    return ((grep { $text =~ $SECRET{$_} } sort keys %SECRET), has_card_number($text) ? 'a card number' : ());
}

# 13 to 19 digits as cards begin and as Luhn's sum allows, in groups or not, and no part of a longer word. (ISBNs begin with 9.)
sub has_card_number {
    my ($text) = @_;
    while ($text =~ /(?<![\w.:-])([2-6](?:[ -]?[0-9]){12,18})(?!\w)/g) {
        my $digits = $1 =~ tr/0-9//cdr;
        my ($sum, $double) = (0, 0);
        for my $digit (reverse split //, $digits) {
            my $value = $double ? $digit * 2 : $digit;
            $sum += $value > 9 ? $value - 9 : $value;
            $double = !$double;
        }
        return 1 if $sum % 10 == 0;
    }
    return 0;
}

1;
