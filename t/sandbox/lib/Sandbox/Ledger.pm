# Keeps the sandbox's objects, idempotency keys and small records, in memory and in a journal file: what was answered survives a kill.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Ledger;
use strict;
use warnings;
use Fcntl qw(:flock SEEK_SET O_RDWR O_CREAT O_APPEND);
use Mojo::JSON qw(decode_json encode_json);

# seconds that objects of a kind are kept; what is older is forgotten at the next start
my %LIFETIME = (event => 30 * 86_400);

# Objects are kept as JSON text, so that nobody changes one without saving it. What Stripe would not show lives under "_".
# Each answered request appends one line to the journal, in one write. Records are small data by kind and key: webhook
# endpoints, and what became of each delivery.
sub new {
    my ($class, %given) = @_;
    my $self = bless { file => $given{state} }, $class;
    $self->clear;
    $self->open_journal if defined $self->{file};
    return $self;
}

sub clear {
    my ($self) = @_;
    @$self{qw(shown hidden order keys busy records)} = ({}, {}, {}, {}, {}, {});
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
    $self->expire($_, time - $LIFETIME{$_}) for sort keys %LIFETIME;
    $self->compact;
    return;
}

sub replay {
    my ($self, $entry) = @_;
    $self->put_object(@$_) for @{ $entry->{objects} // [] };
    $self->{keys}{ $_->{key} } = $_ for @{ $entry->{keys} // [] };
    $self->put_record(@$_) for @{ $entry->{records} // [] };
    return;
}

# Forgets the objects of a kind that were created before that time, and what is recorded of them.
sub expire {
    my ($self, $kind, $before) = @_;
    my (@kept, @old);
    push @{ decode_json($self->{shown}{$_})->{created} < $before ? \@old : \@kept }, $_ for @{ $self->ids($kind) };
    return if !@old;
    $self->{order}{$kind} = \@kept;
    delete @$_{@old} for @$self{qw(shown hidden)}, values %{ $self->{records} };
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
    for my $kind (sort keys %{ $self->{records} }) {
        my $known = $self->{records}{$kind};
        push @lines, map { encode_json({ records => [[$kind, $_, $known->{$_}]] }) } sort keys %$known;
    }
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
    return $self->save_text($object->{id}, $object->{object}, encode_json(\%shown), $hidden && %$hidden ? encode_json($hidden) : undef);
}

# The same for an object that is JSON already.
sub save_text {
    my ($self, $id, $kind, $shown, $hidden) = @_;
    $self->{pending}{$id} = [$id, $kind, $shown, $hidden];
    push @{ $self->{pending_order} }, $id;
    return $shown;
}

# The text of an object as it was last saved in this request: what the answer is, when nothing has to be added or hidden.
sub text_of {
    my ($self, $id) = @_;
    return $self->{pending}{$id} ? $self->{pending}{$id}[2] : $self->{shown}{$id};
}

# Records: what is answered is not to be changed, but saved anew; to save undef is to forget.
sub save_record {
    my ($self, $kind, $key, $data) = @_;
    push @{ $self->{pending_records} }, [$kind, $key, $data];
    return;
}

sub put_record {
    my ($self, $kind, $key, $data) = @_;
    return delete $self->{records}{$kind}{$key} if !defined $data;
    return $self->{records}{$kind}{$key} = $data;
}

sub record  { return $_[0]{records}{ $_[1] }{ $_[2] } }
sub records { return $_[0]{records}{ $_[1] } // {} }

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
    @$self{qw(pending pending_order pending_keys pending_records)} = ({}, [], [], []);
    return;
}

sub commit {
    my ($self) = @_;
    my %entry;
    my %seen;
    my @objects = map { $self->{pending}{$_} } grep { !$seen{$_}++ } @{ $self->{pending_order} };
    $entry{objects} = \@objects              if @objects;
    $entry{keys}    = $self->{pending_keys}    if @{ $self->{pending_keys} };
    $entry{records} = $self->{pending_records} if @{ $self->{pending_records} };
    return if !%entry;
    write_all($self->{journal}, encode_json(\%entry) . "\n") if $self->{journal};
    $self->replay(\%entry);
    $self->rollback;
    $self->{on_records}->($entry{records}) if $entry{records} and $self->{on_records};
    return;
}

# The code is told of all records that were saved, once they are.
sub on_records {
    my ($self, $code) = @_;
    $self->{on_records} = $code;
    return;
}

# The ids of all objects of a kind, in the order of their making.
sub ids { return $_[0]{order}{ $_[1] } // [] }

sub kinds { return sort keys %{ $_[0]{order} } }

1;
