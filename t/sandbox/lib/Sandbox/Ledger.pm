# Keeps the sandbox's objects and idempotency keys, in memory and in a journal file: what was answered survives a kill.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Ledger;
use strict;
use warnings;
use Fcntl qw(:flock SEEK_SET O_RDWR O_CREAT O_APPEND);
use Mojo::JSON qw(decode_json encode_json);

# Objects are kept as JSON text, so that nobody changes one without saving it. What Stripe would not show lives under "_".
# Each answered request appends one line to the journal, in one write.
sub new {
    my ($class, %given) = @_;
    my $self = bless { file => $given{state} }, $class;
    $self->clear;
    $self->open_journal if defined $self->{file};
    return $self;
}

sub clear {
    my ($self) = @_;
    @$self{qw(shown hidden order keys busy)} = ({}, {}, {}, {}, {});
    $self->rollback;
    return;
}

# Forgets everything, on disk too.
sub reset {
    my ($self) = @_;
    $self->clear;
    truncate $self->{journal}, 0 or die "cannot empty $self->{file}: $!\n" if $self->{journal};
    return;
}

sub open_journal {
    my ($self) = @_;
    my $file = $self->{file};
    sysopen my $journal, $file, O_RDWR | O_CREAT | O_APPEND, 0600 or die "cannot open the state file $file: $!\n";
    die "the state file $file is no plain file\n" if !-f $journal;
    flock $journal, LOCK_EX | LOCK_NB or die "the state file $file is in use by another sandbox\n";
    binmode $journal;
    seek $journal, 0, SEEK_SET;    # a handle that appends starts at the end
    while (defined(my $line = <$journal>)) {
        last if $line !~ /\n\z/;    # cut off while it was written: that request was never answered
        $self->replay(eval { decode_json($line) } // die "the state file $file is damaged in line $.\n");
    }
    $self->{journal} = $journal;
    $self->compact;
    return;
}

sub replay {
    my ($self, $entry) = @_;
    $self->put_object(@$_) for @{ $entry->{objects} // [] };
    $self->{keys}{ $_->{key} } = $_ for @{ $entry->{keys} // [] };
    return;
}

# Rewrites the journal with what is left of it, one line per object.
sub compact {
    my ($self) = @_;
    my @lines;
    for my $kind (sort keys %{ $self->{order} }) {
        push @lines, map { encode_json({ objects => [[$_, $kind, $self->{shown}{$_}, $self->{hidden}{$_}]] }) } @{ $self->{order}{$kind} };
    }
    push @lines, map { encode_json({ keys => [$self->{keys}{$_}] }) } sort keys %{ $self->{keys} };
    my $file = $self->{file};
    sysopen my $journal, "$file.new", O_RDWR | O_CREAT | O_APPEND, 0600 or die "cannot write $file.new: $!\n";
    truncate $journal, 0 or die "cannot write $file.new: $!\n";
    binmode $journal;
    flock $journal, LOCK_EX | LOCK_NB or die "the state file $file.new is in use by another sandbox\n";
    write_all($journal, "$_\n") for @lines;
    rename "$file.new", $file or die "cannot replace $file: $!\n";
    $self->{journal} = $journal;
    return;
}

# All of it or nothing: a full disk leaves no half line in the journal.
sub write_all {
    my ($handle, $bytes) = @_;
    my $size = -s $handle;
    my $from = 0;
    while ($from < length $bytes) {
        my $written = syswrite $handle, $bytes, length($bytes) - $from, $from;
        if (!defined $written) {
            my $why = $!;
            truncate $handle, $size or warn "sandbox: cannot take back a half line of the state file: $!\n";
            die "cannot write the state file: $why\n";
        }
        $from += $written;
    }
    return;
}

sub put_object {
    my ($self, $id, $kind, $shown, $hidden) = @_;
    push @{ $self->{order}{$kind} }, $id if !exists $self->{shown}{$id};
    $self->{shown}{$id} = $shown;
    $self->{hidden}{$id} = $hidden;
    return;
}

# A copy of the object, or undef.
sub find {
    my ($self, $kind, $id) = @_;
    my $pending = $self->{pending}{$id};
    my ($shown, $hidden) =
        $pending ? @$pending[2, 3] : ($self->{shown}{$id}, $self->{hidden}{$id});
    return if !defined $shown;
    my $object = decode_json($shown);
    return if defined $kind and $object->{object} ne $kind;
    $object->{_} = $hidden ? decode_json($hidden) : {};
    return $object;
}

# Notes the object's new state; commit makes it true, rollback forgets it.
sub save {
    my ($self, $object) = @_;
    my %shown = %$object;
    my $hidden = delete $shown{_};
    my $text = encode_json(\%shown);
    $self->{pending}{ $object->{id} } =
        [$object->{id}, $object->{object}, $text, $hidden && %$hidden ? encode_json($hidden) : undef];
    push @{ $self->{pending_order} }, $object->{id};
    return $text;
}

# The text of an object as it was last saved in this request: what the answer is, when nothing has to be added or hidden.
sub text_of {
    my ($self, $id) = @_;
    return $self->{pending}{$id} ? $self->{pending}{$id}[2] : $self->{shown}{$id};
}

sub save_key {
    my ($self, $record) = @_;
    push @{ $self->{pending_keys} }, $record;
    return;
}

sub find_key { return $_[0]{keys}{ $_[1] } }

# Requests under way, by idempotency key.
sub take_key    { return $_[0]{busy}{ $_[1] } ? 0 : ($_[0]{busy}{ $_[1] } = 1) }
sub release_key { return delete $_[0]{busy}{ $_[1] } }

sub rollback {
    my ($self) = @_;
    @$self{qw(pending pending_order pending_keys)} = ({}, [], []);
    return;
}

sub commit {
    my ($self) = @_;
    my %entry;
    my %seen;
    my @objects = map { $self->{pending}{$_} } grep { !$seen{$_}++ } @{ $self->{pending_order} };
    $entry{objects} = \@objects              if @objects;
    $entry{keys}    = $self->{pending_keys}  if @{ $self->{pending_keys} };
    return if !%entry;
    write_all($self->{journal}, encode_json(\%entry) . "\n") if $self->{journal};
    $self->replay(\%entry);
    $self->rollback;
    return;
}

# The ids of all objects of a kind, in the order of their making.
sub ids { return $_[0]{order}{ $_[1] } // [] }

sub kinds { return sort keys %{ $_[0]{order} } }

1;
